import type { ByteStream } from '@slipway/core';
import type { DiskSource } from '../../device/source.ts';
import type { DiskDirectory, DiskFile, DiskNode } from '../../tree.ts';
import { BLOCK_BYTES, INLINE_BLOCK_BYTES, INODE_NUMBER } from '../format.ts';
import { dataRanges, type PlacedRange, readRange, readWhole } from './content.ts';
import { readDirectory } from './directory.ts';
import { deviceNumber, type Ext4Inode, readInode } from './inode.ts';
import { readVerityDescriptor } from './verity.ts';
import { type Ext4Volume, openVolume, refuse } from './volume.ts';

/** An ext4 file system that was read. */
export interface Ext4Contents {
  readonly uuid: string;
  readonly label: string;
  readonly sizeBytes: number;
  readonly freeBytes: number;
  readonly root: DiskDirectory;
}

/**
 * Reads the whole tree of an ext4; the bytes of files are read when they are opened, as often as they are. For disks from
 * anywhere: everything is checked, and neither time nor memory grows past what the size of the disk allows.
 *
 * @throws SlipwayError DISK_INVALID for what is damaged, or not written the way Slipway writes it (see {@link openVolume})
 */
export async function readExt4(source: DiskSource): Promise<Ext4Contents> {
  const volume = await openVolume(source);
  const root = await readNode(volume, await readInode(volume, INODE_NUMBER.root));
  if (root.kind !== 'directory') refuse('its root is no directory');
  await fillTree(volume, root);
  return {
    uuid: volume.uuid,
    label: volume.label,
    sizeBytes: volume.blocks * BLOCK_BYTES,
    freeBytes: volume.freeBlocks * BLOCK_BYTES,
    root,
  };
}

type OpenDirectory = DiskDirectory & { readonly entries: Map<string, DiskNode> };

/** Not recursive: a disk may be deeper than the stack of the engine. */
async function fillTree(volume: Ext4Volume, root: DiskDirectory): Promise<void> {
  const known = new Map<number, DiskNode>([[INODE_NUMBER.root, root]]);
  const pending: { readonly number: number; readonly node: OpenDirectory }[] = [
    { number: INODE_NUMBER.root, node: root as OpenDirectory },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for await (const { name, number } of readDirectory(volume, await readInode(volume, next.number))) {
      let child = known.get(number);
      if (child?.kind === 'directory') refuse(`directory ${number} has two names`);
      if (next.node.entries.has(name)) refuse(`directory ${next.number} has one name twice`);
      if (child === undefined) {
        child = await readNode(volume, await readInode(volume, number));
        known.set(number, child);
        if (child.kind === 'directory') pending.push({ number, node: child as OpenDirectory });
      }
      next.node.entries.set(name, child);
    }
  }
}

async function readNode(volume: Ext4Volume, inode: Ext4Inode): Promise<DiskNode> {
  const { kind, meta } = inode;
  switch (kind) {
    case 'directory':
      return { kind, meta, entries: new Map() };
    case 'file':
      return await fileNode(volume, inode);
    case 'symlink':
      return { kind, meta, target: await readTarget(volume, inode) };
    case 'character-device':
    case 'block-device':
      return { kind, meta, ...deviceNumber(inode) };
    case 'fifo':
    case 'socket':
      break;
  }
  return { kind, meta };
}

async function fileNode(volume: Ext4Volume, inode: Ext4Inode): Promise<DiskFile> {
  const ranges: PlacedRange[] = [];
  for await (const range of dataRanges(volume, inode)) ranges.push(range);
  const dataBytes = ranges.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  const verity = inode.isSealed ? await readVerityDescriptor(volume, inode) : undefined;
  return {
    kind: 'file',
    meta: inode.meta,
    sizeBytes: inode.sizeBytes,
    open: () => readRanges(volume, ranges),
    ...(dataBytes === inode.sizeBytes
      ? {}
      : { data: ranges.map(({ offsetBytes, lengthBytes }) => ({ offsetBytes, lengthBytes })) }),
    ...(verity === undefined ? {} : { verity: verity.algorithm, verityDigest: verity.digest }),
  };
}

async function* readRanges(volume: Ext4Volume, ranges: readonly PlacedRange[]): ByteStream {
  for (const range of ranges) yield* readRange(volume, range);
}

async function readTarget(volume: Ext4Volume, inode: Ext4Inode): Promise<string> {
  if (inode.sizeBytes === 0 || inode.sizeBytes >= BLOCK_BYTES)
    refuse(`symlink ${inode.number} has a wrong size`);
  return inode.sizeBytes < INLINE_BLOCK_BYTES
    ? inode.block.toString('latin1', 0, inode.sizeBytes)
    : (await readWhole(volume, inode, BLOCK_BYTES)).toString('latin1');
}
