/**
 * Kernels and initramfs images on an ESP: one directory for each different pair, `EFI/Linux/slipway-<id>/`, named after
 * the first deployment that brought it. Deployments with equal pairs share a directory; nothing links on FAT, so entries
 * simply name it, and a directory no entry names is garbage. On a host taken over from bootc the same holds for the
 * directories bootc left; on any other they are bootc's.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type ByteStream, errnoOf, formatBytes, roundUp, SlipwayError } from '@slipway/core';
import { makeDirectoryDurably, removeDirectoryDurably, writeFileDurably } from './durable-file.ts';
import { type BootEntry, bootEntryFiles } from './entry.ts';
import { listDirectory } from './esp.ts';
import {
  KERNELS,
  type KernelNaming,
  kernelDirectory,
  kernelNaming,
  kernelPaths,
} from './kernel-directory.ts';

/** A file that can be read as often as needed. */
export interface KernelFile {
  readonly sizeBytes: number;
  open(): ByteStream;
}

/** What a deployment boots. */
export interface KernelPair {
  readonly linux: KernelFile;
  readonly initrd: KernelFile;
  /** What {@link bootDigest} would say, where it is known without reading them. */
  readonly digest?: string;
}

/** Where a deployment's kernel is or will be. */
export interface KernelPlan {
  /** From the root of the ESP, `/` first, for the entry. */
  readonly directory: string;
  /** True when an equal pair is there already. */
  readonly shared: boolean;
  /** Lower-case hex of sha256(linux || initrd), as the origin file records it. */
  readonly bootDigest: string;
  /** Room a new pair takes, in whole clusters; 0 when shared. */
  readonly neededBytes: number;
}

/** Directories, long names and the entry itself, generously. */
const BOOKKEEPING_CLUSTERS = 8;
const OWN: readonly KernelNaming[] = ['slipway'];

/** Whose directories count. */
export interface KernelScope {
  /** Default: those Slipway made. */
  readonly namings?: readonly KernelNaming[];
}

/** Lower-case hex of sha256(linux || initrd). */
export async function bootDigest(pair: KernelPair): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of pair.linux.open()) hash.update(chunk);
  for await (const chunk of pair.initrd.open()) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * Decides where the kernel of a deployment goes: a directory with an equal pair (read and compared, so that a damaged one
 * is not shared), else its own.
 *
 * @param scope the first of its namings is that of a directory of its own
 */
export async function planKernel(
  esp: string,
  id: string,
  pair: KernelPair,
  { namings = OWN }: KernelScope = {},
): Promise<KernelPlan> {
  const digest = pair.digest ?? (await bootDigest(pair));
  for (const directory of await listKernelDirectories(esp, namings)) {
    const present = await pairIn(esp, directory);
    const sameSizes =
      present?.linux.sizeBytes === pair.linux.sizeBytes && present.initrd.sizeBytes === pair.initrd.sizeBytes;
    if (present !== undefined && sameSizes && (await bootDigest(present)) === digest) {
      return { directory, shared: true, bootDigest: digest, neededBytes: 0 };
    }
  }
  const { bsize } = await statfs(esp);
  const neededBytes =
    roundUp(pair.linux.sizeBytes, bsize) +
    roundUp(pair.initrd.sizeBytes, bsize) +
    BOOKKEEPING_CLUSTERS * bsize;
  return { directory: kernelDirectory(id, namings[0]), shared: false, bootDigest: digest, neededBytes };
}

/** @throws SlipwayError BOOT_SPACE, with the bytes needed and free, when the plan does not fit */
export async function checkBootSpace(esp: string, plan: KernelPlan): Promise<void> {
  const { bavail, bsize } = await statfs(esp);
  const freeBytes = bavail * bsize;
  if (plan.neededBytes <= freeBytes) return;
  throw new SlipwayError(
    'BOOT_SPACE',
    `cannot put another kernel on the boot partition: it needs ${formatBytes(plan.neededBytes)} and ${formatBytes(freeBytes)} are free`,
    {
      hint: 'remove deployments or foreign files from the boot partition, or make it larger',
      details: { fileSystem: esp, neededBytes: plan.neededBytes, freeBytes },
    },
  );
}

/**
 * Writes the files of a plan. A cut leaves none, one or both files, each whole; no entry names them yet.
 *
 * @throws SlipwayError BOOT_SPACE when the partition fills up all the same; what was written is removed
 */
export async function writeKernel(esp: string, plan: KernelPlan, pair: KernelPair): Promise<void> {
  if (plan.shared) return;
  const directory = join(esp, plan.directory);
  const { linux, initrd } = kernelPaths(plan.directory);
  try {
    await makeDirectoryDurably(directory);
    await writeFileDurably(join(esp, linux), pair.linux.open());
    await writeFileDurably(join(esp, initrd), pair.initrd.open());
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOSPC') throw thrown;
    await removeDirectoryDurably(directory);
    await checkBootSpace(esp, plan);
    throw thrown;
  }
}

/** Every kernel directory on an ESP (from its root, `/` first) with the room it takes, in whole clusters. */
export async function kernelDirectorySizes(
  esp: string,
  { namings = OWN }: KernelScope = {},
): Promise<ReadonlyMap<string, number>> {
  const { bsize } = await statfs(esp);
  const sizes = new Map<string, number>();
  for (const directory of await listKernelDirectories(esp, namings)) {
    const { linux, initrd } = kernelPaths(directory);
    const files = [await fileAt(join(esp, linux)), await fileAt(join(esp, initrd))];
    sizes.set(
      directory,
      files.reduce((total, file) => total + roundUp(file?.sizeBytes ?? 0, bsize), 0),
    );
  }
  return sizes;
}

/** Whether a directory holds a kernel and an initramfs of these sizes: what a write that was cut short cannot fake. */
export async function holdsKernel(esp: string, directory: string, pair: KernelPair): Promise<boolean> {
  const present = await pairIn(esp, directory);
  return (
    present?.linux.sizeBytes === pair.linux.sizeBytes && present.initrd.sizeBytes === pair.initrd.sizeBytes
  );
}

/**
 * Removes kernels no entry names. A cut leaves part of a directory, which the next call removes.
 *
 * @param entries every entry on the ESP
 * @param keep directories to leave as well (`/EFI/Linux/slipway-…`): those of a staged deployment
 * @returns the directories removed
 */
export async function removeUnusedKernels(
  esp: string,
  entries: readonly BootEntry[],
  keep: readonly string[] = [],
  { namings = OWN }: KernelScope = {},
): Promise<readonly string[]> {
  // FAT does not tell case apart, so names are compared without it.
  const used = [...entries.flatMap(bootEntryFiles), ...keep.map((directory) => `${directory}/`)].map((path) =>
    path.toLowerCase(),
  );
  const unused = (await listKernelDirectories(esp, namings)).filter(
    (directory) => !used.some((path) => path.startsWith(`${directory.toLowerCase()}/`)),
  );
  for (const directory of unused) await removeDirectoryDurably(join(esp, directory));
  return unused;
}

/** From the root of the ESP, `/` first. */
async function listKernelDirectories(
  esp: string,
  namings: readonly KernelNaming[],
): Promise<readonly string[]> {
  const isOne = (name: string): boolean => namings.some((naming) => naming === kernelNaming(name));
  const names = await listDirectory(join(esp, KERNELS));
  return names.filter(isOne).map((name) => `/${KERNELS}/${name}`);
}

async function pairIn(esp: string, directory: string): Promise<KernelPair | undefined> {
  const paths = kernelPaths(directory);
  const linux = await fileAt(join(esp, paths.linux));
  const initrd = await fileAt(join(esp, paths.initrd));
  return linux === undefined || initrd === undefined ? undefined : { linux, initrd };
}

async function fileAt(path: string): Promise<KernelFile | undefined> {
  try {
    const { size } = await stat(path);
    return { sizeBytes: size, open: () => createReadStream(path) };
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
