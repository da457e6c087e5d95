import type { ByteStream } from '@slipway/core';
import type { DiskSource } from '../device/source.ts';
import type { DiskDirectory, DiskFile, DiskNode } from '../tree.ts';
import { decodeEntries, type FatEntry } from './entries.ts';
import { ATTRIBUTE, type FatBits, FIRST_CLUSTER } from './format.ts';
import { ClusterChains, type ClusterRun, type FatVolume, openFatVolume, refuse } from './volume.ts';

/** A FAT file system that was read. */
export interface FatContents {
  readonly bits: FatBits;
  readonly sizeBytes: number;
  readonly volumeId: number;
  /** Empty where there is none. */
  readonly label: string;
  /** Owner root and the usual modes, for FAT has neither. */
  readonly root: DiskDirectory;
}

/** No directory may be larger, by the specification. */
const MAX_DIRECTORY_BYTES = 65_536 * 32;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Reads the whole tree of a FAT file system; the bytes of files are read when they are opened, as often as they are. For disks
 * from anywhere: everything is checked, and neither time nor memory grows past what the size of the disk allows.
 *
 * @throws SlipwayError DISK_INVALID for what is damaged
 */
export async function readFat(source: DiskSource): Promise<FatContents> {
  const volume = await openFatVolume(source);
  const chains = new ClusterChains(volume);
  const rootEntries = [...decodeEntries(await readRoot(volume, chains))];
  const label = rootEntries.find(({ attributes }) => isLabel(attributes));
  const root = openDirectory(0);
  await fillTree(volume, chains, root, rootEntries);
  return {
    bits: volume.bits,
    sizeBytes: volume.sizeBytes,
    volumeId: volume.volumeId,
    label: label === undefined ? '' : label.name.replace('.', ''),
    root,
  };
}

type OpenDirectory = DiskDirectory & { readonly entries: Map<string, DiskNode> };

/** Not recursive: a disk may be deeper than the stack of the engine. */
async function fillTree(
  volume: FatVolume,
  chains: ClusterChains,
  root: OpenDirectory,
  rootEntries: readonly FatEntry[],
): Promise<void> {
  const pending: { readonly node: OpenDirectory; readonly entries: Iterable<FatEntry> }[] = [
    { node: root, entries: rootEntries },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const entry of next.entries) {
      if (isLabel(entry.attributes)) continue;
      if (/[/\0]/.test(entry.name) || entry.name === '') refuse(`a name ${JSON.stringify(entry.name)}`);
      if (next.node.entries.has(entry.name)) refuse(`two entries ${JSON.stringify(entry.name)}`);
      if ((entry.attributes & ATTRIBUTE.directory) === 0) {
        next.node.entries.set(entry.name, await fileNode(volume, chains, entry));
        continue;
      }
      const directory = openDirectory(entry.mtimeSec);
      next.node.entries.set(entry.name, directory);
      // Power cut between a directory's name and its first cluster leaves one that begins nowhere: fsck.vfat keeps it, Linux finds it empty.
      if (entry.firstCluster === 0) continue;
      const runs = await chains.follow(entry.firstCluster, MAX_DIRECTORY_BYTES / volume.clusterBytes);
      pending.push({ node: directory, entries: decodeEntries(await readRuns(volume, runs)) });
    }
  }
}

async function readRoot(volume: FatVolume, chains: ClusterChains): Promise<Buffer> {
  if (volume.bits !== 32) return await volume.source.read(volume.rootOffsetBytes, volume.rootBytes);
  return await readRuns(
    volume,
    await chains.follow(volume.rootCluster, MAX_DIRECTORY_BYTES / volume.clusterBytes),
  );
}

async function fileNode(volume: FatVolume, chains: ClusterChains, entry: FatEntry): Promise<DiskFile> {
  const { sizeBytes, firstCluster } = entry;
  const clusters = Math.ceil(sizeBytes / volume.clusterBytes);
  const runs = firstCluster === 0 ? [] : await chains.follow(firstCluster, volume.clusters);
  if (runs.reduce((sum, { count }) => sum + count, 0) < clusters)
    refuse(`${entry.name} is shorter than it says`);
  return {
    kind: 'file',
    meta: { mode: 0o644, uid: 0, gid: 0, mtimeSec: entry.mtimeSec, mtimeNsec: 0 },
    sizeBytes,
    open: () => streamRuns(volume, runs, sizeBytes),
  };
}

async function* streamRuns(volume: FatVolume, runs: readonly ClusterRun[], sizeBytes: number): ByteStream {
  let left = sizeBytes;
  for (const { first, count } of runs) {
    let at = volume.dataOffsetBytes + (first - FIRST_CLUSTER) * volume.clusterBytes;
    for (let inRun = Math.min(left, count * volume.clusterBytes); inRun > 0; ) {
      const length = Math.min(inRun, CHUNK_BYTES);
      yield await volume.source.read(at, length);
      at += length;
      inRun -= length;
      left -= length;
    }
  }
}

async function readRuns(volume: FatVolume, runs: readonly ClusterRun[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const clusters = runs.reduce((sum, { count }) => sum + count, 0);
  for await (const chunk of streamRuns(volume, runs, clusters * volume.clusterBytes)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function openDirectory(mtimeSec: number): OpenDirectory {
  return {
    kind: 'directory',
    meta: { mode: 0o755, uid: 0, gid: 0, mtimeSec, mtimeNsec: 0 },
    entries: new Map(),
  };
}

function isLabel(attributes: number): boolean {
  return (attributes & ATTRIBUTE.volumeLabel) !== 0 && (attributes & ATTRIBUTE.directory) === 0;
}
