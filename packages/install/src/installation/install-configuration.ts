import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DirectoryNode, lookupDirectory } from '@slipway/composefs';
import { errnoOf, messageOf, SlipwayError } from '@slipway/core';
import { type FileReader, readImageText } from '@slipway/host';
import { parse } from 'smol-toml';
import * as z from 'zod';
import { ROOT_FILE_SYSTEMS, type RootFileSystem } from '../request.ts';
import { BLOCK_SETUPS, type BlockSetup } from './request.ts';

/** Where an image, a site, an administrator and a running system say how an installation goes; later ones count more. */
const DIRECTORIES = ['usr/lib', 'usr/local/lib', 'etc', 'run'].map((base) => `${base}/bootc/install`);
const LARGEST_BYTES = 1024 ** 2;

/** Architectures as these files write them. */
const RUST_NAMES: Readonly<Record<string, string | undefined>> = { amd64: 'x86_64', arm64: 'aarch64' };

/** What all files say together, with the names they have in them; what is not known here is kept and shown. */
export interface InstallConfiguration {
  readonly 'root-fs-type'?: RootFileSystem | undefined;
  /** What the root may lie in; the first is the default. */
  readonly block?: readonly BlockSetup[] | undefined;
  readonly filesystem?:
    | { readonly root?: { readonly type?: RootFileSystem | undefined } | undefined }
    | undefined;
  readonly kargs?: readonly string[] | undefined;
  readonly 'karg-deletes'?: readonly string[] | undefined;
  readonly 'match-architectures'?: readonly string[] | undefined;
}

const INSTALL: z.ZodType<InstallConfiguration> = z.looseObject({
  'root-fs-type': z.enum(ROOT_FILE_SYSTEMS).optional(),
  block: z.array(z.enum(BLOCK_SETUPS)).optional(),
  filesystem: z
    .object({ root: z.object({ type: z.enum(ROOT_FILE_SYSTEMS).optional() }).optional() })
    .optional(),
  kargs: z.array(z.string()).optional(),
  'karg-deletes': z.array(z.string()).optional(),
  'match-architectures': z.array(z.string()).optional(),
});

/** Everything is merged, lists of kernel arguments one after another, of the rest the last counts. */
const CONCATENATED = ['kargs', 'karg-deletes'] as const;

/**
 * Reads `bootc/install/*.toml` below a root: names in order whatever directory they are in, a name in a later directory instead of
 * the same in an earlier one.
 *
 * @throws SlipwayError CONFIG_INVALID with the file, IO_FAILED
 */
export async function installConfiguration(
  root: string,
  architecture: string,
): Promise<InstallConfiguration> {
  const files = new Map<string, string>();
  for (const directory of DIRECTORIES) {
    for (const name of await namesIn(join(root, directory))) files.set(name, join(root, directory, name));
  }
  return await mergedFiles(files, architecture, textOf);
}

/**
 * The same of an image: what it carries in `/usr/lib` and `/etc`.
 *
 * @throws SlipwayError CONFIG_INVALID with the file, IMAGE_NOT_BOOTABLE for one that is far too large
 */
export async function imageInstallConfiguration(
  tree: DirectoryNode,
  architecture: string,
  read: FileReader,
): Promise<InstallConfiguration> {
  const files = new Map<string, string>();
  for (const directory of DIRECTORIES) {
    const names = lookupDirectory(tree, `/${directory}`)?.entries.keys() ?? [];
    for (const name of names) if (name.endsWith('.toml')) files.set(name, `/${directory}/${name}`);
  }
  const textIn = async (path: string): Promise<string> => (await readImageText(tree, path, read)) ?? '';
  return await mergedFiles(files, architecture, textIn);
}

/** @param files path by name */
async function mergedFiles(
  files: ReadonlyMap<string, string>,
  architecture: string,
  text: (path: string) => Promise<string>,
): Promise<InstallConfiguration> {
  const ordered = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1));
  let merged: InstallConfiguration = {};
  for (const [, path] of ordered) {
    const own = parseInstallFile(await text(path), path);
    const wanted = own['match-architectures'];
    if (wanted !== undefined && !wanted.includes(RUST_NAMES[architecture] ?? architecture)) continue;
    merged = mergeConfigurations(merged, own);
  }
  return merged;
}

/** One file. @throws SlipwayError CONFIG_INVALID */
export function parseInstallFile(text: string, path: string): InstallConfiguration {
  try {
    const { install = {} } = parse(text);
    return INSTALL.parse(install);
  } catch (cause) {
    const why =
      cause instanceof z.ZodError
        ? z.prettifyError(cause).split('\n').slice(0, 2).join(' ')
        : messageOf(cause).split('\n')[0];
    throw new SlipwayError('CONFIG_INVALID', `cannot use ${path}: ${why}`, {
      hint: 'it holds [install] with kargs, root-fs-type, block and others as bootc knows them',
      details: { path },
      cause,
    });
  }
}

/** Two configurations as one. */
export function mergeConfigurations(
  earlier: InstallConfiguration,
  later: InstallConfiguration,
): InstallConfiguration {
  const merged: Record<string, unknown> = { ...earlier, ...later };
  delete merged['match-architectures'];
  for (const key of CONCATENATED) {
    const both = [...(earlier[key] ?? []), ...(later[key] ?? [])];
    if (both.length > 0) merged[key] = both;
  }
  const type =
    later.filesystem?.root?.type ??
    later['root-fs-type'] ??
    earlier.filesystem?.root?.type ??
    earlier['root-fs-type'];
  delete merged['root-fs-type'];
  if (type !== undefined) merged['filesystem'] = { root: { type } };
  return merged;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith('.toml'));
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return [];
    throw new SlipwayError('IO_FAILED', `cannot read ${directory}: ${messageOf(cause)}`, { cause });
  }
}

async function textOf(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length <= LARGEST_BYTES) return text;
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  throw new SlipwayError('CONFIG_INVALID', `cannot use ${path}: it is larger than ${LARGEST_BYTES} bytes`);
}
