/** Kernels on the boot partition, compared with those of the images and written anew from them. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  bootDigest,
  bootEntryValue,
  type KernelPair,
  type KernelPaths,
  kernelDirectory,
  kernelNaming,
  kernelPaths,
  makeDirectoryDurably,
  writeFileDurably,
} from '@slipway/boot';
import { findKernel, openRepository, readFile } from '@slipway/composefs';
import { errnoOf, isSlipwayError } from '@slipway/core';
import { kernelScope } from '../adopt/record.ts';
import type { HostState } from '../deployment.ts';
import { kernelPair } from '../deployment-plan.ts';
import { comparedTree } from '../deployment-tree.ts';
import type { HostSystem } from '../system.ts';

/** Where a deployment's kernel is to be. */
export interface KernelPlace extends KernelPaths {
  readonly id: string;
}

/** Whether both files are where only Slipway writes; on a host taken over from bootc that is where bootc wrote as well. */
export function isOwnPlace({ linux, initrd }: KernelPaths, adopted: HostState['adopted']): boolean {
  const directory = dirname(linux);
  const naming = kernelNaming(basename(directory));
  if (naming === undefined || !(kernelScope(adopted).namings ?? []).includes(naming)) return false;
  const own = kernelPaths(kernelDirectory(directory.slice(directory.lastIndexOf('-') + 1), naming));
  return linux === own.linux && initrd === own.initrd;
}

/** A pair that was read to its end. */
export type WholePair = KernelPair & { readonly digest: string };

/** Kernel and initramfs of a deployment's image; undefined where the store no longer has them whole. */
export async function pairOfImage(system: HostSystem, id: string): Promise<WholePair | undefined> {
  try {
    const repository = await openRepository(system.layout.composefs);
    const pair = kernelPair(findKernel(comparedTree(repository, id)), (node) => readFile(repository, node));
    return { ...pair, digest: await bootDigest(pair) };
  } catch (thrown) {
    if (!isSlipwayError(thrown)) throw thrown;
    return undefined;
  }
}

/** The files at two places of the boot partition. What the operating system says where one is not there is thrown as it is. */
export async function pairAt(esp: string, { linux, initrd }: KernelPaths): Promise<KernelPair> {
  return { linux: await fileAt(join(esp, linux)), initrd: await fileAt(join(esp, initrd)) };
}

/** Whether the files of a place are these. */
export async function isPair({ esp }: HostSystem, place: KernelPlace, wanted: WholePair): Promise<boolean> {
  try {
    const found = await pairAt(esp, place);
    const isOfSizes =
      found.linux.sizeBytes === wanted.linux.sizeBytes && found.initrd.sizeBytes === wanted.initrd.sizeBytes;
    return isOfSizes && (await bootDigest(found)) === wanted.digest;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'EIO') return false;
    throw thrown;
  }
}

/** Writes both files. Each is replaced whole: a cut leaves one done, or both, or none. */
export async function writePair({ esp }: HostSystem, place: KernelPlace, pair: KernelPair): Promise<void> {
  await makeDirectoryDurably(join(esp, dirname(place.linux)));
  await writeFileDurably(join(esp, place.linux), pair.linux.open());
  await writeFileDurably(join(esp, place.initrd), pair.initrd.open());
}

/** A directory of the boot partition with a deployment's kernel: one an entry names already, else its own, written if it must be. */
export async function directoryOf(
  system: HostSystem,
  { allEntries, adopted }: Pick<HostState, 'allEntries' | 'adopted'>,
  id: string,
  wanted: WholePair,
): Promise<string> {
  for (const { entry } of allEntries) {
    const [linux, initrd] = [bootEntryValue(entry, 'linux'), bootEntryValue(entry, 'initrd')];
    if (linux === undefined || initrd === undefined || !isOwnPlace({ linux, initrd }, adopted)) continue;
    if (await isPair(system, { id, linux, initrd }, wanted)) return dirname(linux);
  }
  const directory = kernelDirectory(id);
  const place = { id, ...kernelPaths(directory) };
  if (!(await isPair(system, place, wanted))) await writePair(system, place, wanted);
  return directory;
}

async function fileAt(path: string): Promise<KernelPair['linux']> {
  return { sizeBytes: (await stat(path)).size, open: () => createReadStream(path) };
}
