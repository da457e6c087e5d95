/** Kernels on the boot partition, compared with those of the images and written anew from them. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  bootDigest,
  bootEntryValue,
  type KernelPair,
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
export interface KernelPlace {
  readonly id: string;
  readonly linux: string;
  readonly initrd: string;
}

/** Whether both files are where only Slipway writes; on a host taken over from bootc that is where bootc wrote as well. */
export function isOwnPlace(
  { linux, initrd }: Pick<KernelPlace, 'linux' | 'initrd'>,
  adopted: HostState['adopted'],
): boolean {
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

/** Whether the files of a place are these. */
export async function isPair(
  { esp }: HostSystem,
  { linux, initrd }: KernelPlace,
  wanted: WholePair,
): Promise<boolean> {
  try {
    const [one, other] = [await fileAt(join(esp, linux)), await fileAt(join(esp, initrd))];
    if (one.sizeBytes !== wanted.linux.sizeBytes || other.sizeBytes !== wanted.initrd.sizeBytes) return false;
    return (await bootDigest({ linux: one, initrd: other })) === wanted.digest;
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
