import { readFile } from 'node:fs/promises';
import { isSlipwayError, messageOf, type Operation, SlipwayError } from '@slipway/core';
import { followedReference, runningSystem } from '@slipway/host';
import { type ConfigFile, type InstallRequest, withWishes } from '@slipway/install';
import { expandReference, parseReference, type Reference } from '@slipway/oci';
import { cachePaths } from '../own-files.ts';
import { machineArchitecture } from './architecture.ts';

/** Options every way to install has. */
export interface InstallOptions {
  readonly sourceImgref: string | undefined;
  readonly targetImgref: string | undefined;
  readonly targetTransport: string;
  readonly karg: readonly string[];
  readonly kargDelete: readonly string[];
  readonly rootSshAuthorizedKeys: string | undefined;
  readonly genericImage: boolean;
  readonly skipFetchCheck: boolean;
  readonly disableSelinux: boolean;
  readonly signaturePolicy: string | undefined;
  readonly cache: string | undefined;
  readonly arch: 'amd64' | 'arm64' | undefined;
  readonly json: boolean;
}

/** What a file says besides the options. */
export interface InstallFile {
  readonly config: ConfigFile | undefined;
  readonly source: string | undefined;
  readonly target: string | undefined;
}

/** The part of a request that does not depend on where the image goes. */
export async function installRequest(
  options: InstallOptions,
  file: InstallFile,
  operation: Operation,
  { keepsRootSize = false }: { readonly keepsRootSize?: boolean } = {},
): Promise<InstallRequest> {
  const image = await sourceOf(options.sourceImgref ?? file.source, operation);
  const rootKeys = await keysOf(options.rootSshAuthorizedKeys);
  const config = withWishes(file.config, { rootKeys, keepsRootSize });
  const target = options.targetImgref ?? file.target;
  return {
    image,
    target: target === undefined ? image : targetOf(target, options.targetTransport),
    checksTarget: !options.skipFetchCheck,
    architecture: options.arch ?? machineArchitecture(),
    kernelArguments: [...(options.disableSelinux ? ['selinux=0'] : []), ...options.karg],
    removedKernelArguments: options.kargDelete,
    signaturePolicy: options.signaturePolicy,
    ...(config === undefined ? {} : { config }),
    ...cachePaths(process.env, options.cache),
  };
}

async function sourceOf(given: string | undefined, operation: Operation): Promise<Reference> {
  if (given !== undefined) return await expandReference(given, operation);
  try {
    return await followedReference(runningSystem());
  } catch (cause) {
    if (!isSlipwayError(cause, 'NOT_A_SLIPWAY_HOST')) throw cause;
    throw new SlipwayError('USAGE', 'cannot tell which image to install', {
      hint: 'name it: --source-imgref registry.example/os:1, or --source-imgref oci:DIR:TAG',
      cause,
    });
  }
}

/** As with bootc: the transport is named apart, and one in front of the reference counts more. */
function targetOf(text: string, transport: string): Reference {
  const isBare = transport !== 'registry' && !text.startsWith(`${transport}:`);
  return parseReference(isBare ? `${transport}:${text}` : text);
}

async function keysOf(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot read the keys in ${path}: ${messageOf(cause)}`, { cause });
  }
}
