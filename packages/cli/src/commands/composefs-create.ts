import {
  DigestStore,
  type FormatVersion,
  type ImageTarget,
  imageId,
  openImageTarget,
  readDump,
  readDumpFile,
  scanDirectory,
  type TreeWithFacts,
  type VerityAlgorithm,
  writeErofs,
} from '@slipway/composefs/images';
import { SlipwayError } from '@slipway/core';
import type { CommandContext } from '../command/spec.ts';

interface ComposefsCreateInput {
  readonly source: string;
  readonly image: string | undefined;
  readonly digestStore: string | undefined;
  readonly useEpoch: boolean;
  readonly skipDevices: boolean;
  readonly skipXattrs: boolean;
  readonly userXattrs: boolean;
  readonly printDigest: boolean;
  readonly printDigestOnly: boolean;
  readonly fromFile: boolean;
  readonly minVersion: FormatVersion | undefined;
  readonly maxVersion: FormatVersion | undefined;
  readonly threads: number | undefined;
  readonly algorithm: VerityAlgorithm;
}

/** `slipway composefs create SOURCE [IMAGE]`. */
export async function composefsCreate(input: ComposefsCreateInput, context: CommandContext): Promise<number> {
  const { minVersion, maxVersion } = input;
  await using target = await openTarget(input, context);
  const { root, facts } = input.fromFile ? await dumpOf(input.source) : await directoryOf(input, context);
  const image = writeErofs(root, {
    facts,
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  });
  await target?.write(image);
  if (input.printDigest || input.printDigestOnly) context.print(`${imageId(image, input.algorithm)}\n`);
  return 0;
}

async function openTarget(
  { image, printDigest, printDigestOnly }: ComposefsCreateInput,
  { stdoutIsTerminal, printBytes }: CommandContext,
): Promise<ImageTarget | undefined> {
  if (image === undefined) {
    if (printDigestOnly) return undefined;
    throw usage(
      'make an image: IMAGE is missing',
      'give a file, - for standard output, or --print-digest-only',
    );
  }
  if (printDigestOnly) {
    throw usage(`write ${image} with --print-digest-only`, 'leave IMAGE out, or use --print-digest');
  }
  if (image !== '-') return await openImageTarget(image);
  if (stdoutIsTerminal)
    throw usage('write an image to a terminal', 'give a file, or redirect standard output');
  if (printDigest) throw usage('print image and digest to the same place', 'give a file for the image');
  return { write: printBytes, [Symbol.asyncDispose]: () => Promise.resolve() };
}

async function dumpOf(source: string): Promise<TreeWithFacts> {
  return source === '-' ? await readDump(process.stdin) : await readDumpFile(source);
}

/** The objects are on the disk before anything refers to them. */
async function directoryOf(
  input: ComposefsCreateInput,
  { operation }: CommandContext,
): Promise<TreeWithFacts> {
  const { digestStore, algorithm, skipXattrs, userXattrs, useEpoch, skipDevices } = input;
  const objects = digestStore === undefined ? undefined : new DigestStore(digestStore, algorithm);
  const root = await scanDirectory(input.source, {
    ...operation,
    algorithm,
    useEpoch,
    skipDevices,
    xattrs: skipXattrs ? 'none' : userXattrs ? 'user' : 'all',
    hardLinks: 'separate',
    ...(objects === undefined ? {} : { objects }),
  });
  await objects?.sync();
  return { root, facts: new Map() };
}

function usage(what: string, hint: string): SlipwayError {
  return new SlipwayError('USAGE', `cannot ${what}`, { hint });
}
