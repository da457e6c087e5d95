import { VerityHasher } from '@slipway/composefs';
import { type OperationOptions, SlipwayError, silentProgress, startTask } from '@slipway/core';
import { contentBytes, openContent } from '../content.ts';
import type { DiskWriter } from '../device/writer.ts';
import { inodeSeed } from './checksum.ts';
import { encodeDirectory } from './directory.ts';
import type { DirectoryContent } from './directory-leaf.ts';
import type { DirectoryShape } from './directory-shape.ts';
import { type Extent, encodeExtents } from './extent.ts';
import { BLOCK_BYTES, INODE_NUMBER } from './format.ts';
import { encodeJournalSuperblock } from './journal.ts';
import { metadataPieces } from './metadata.ts';
import { hashSeedOf } from './name-hash.ts';
import type { Ext4Plan, PlacedInode } from './plan.ts';
import { encodeResizeIndex } from './resize-inode.ts';
import { pathOf, type ScannedInode } from './scan.ts';
import { verityBytes, verityStartBlock } from './verity.ts';
import { sealXattrBlock } from './xattr.ts';

/** Writes content; metadata that stands before it on the disk is written first. */
type Emit = (offsetBytes: number, bytes: Uint8Array) => Promise<void>;

/**
 * Writes a planned ext4 file system in one ascending pass; every file is opened once, in the order of the plan.
 *
 * @throws SlipwayError DISK_CONTENT_CHANGED when a file does not yield the bytes it announced or does not have its digest
 */
export async function writeExt4(
  target: DiskWriter,
  plan: Ext4Plan,
  options: OperationOptions = {},
): Promise<void> {
  const merged = mergeMetadata(target, plan);
  await writeSpecialBlocks(merged.emit, plan);
  for (const placed of plan.smallThings) await writeSmall(merged.emit, plan, placed);
  await writeFiles(merged.emit, plan, options);
  await merged.rest();
}

/** Weaves the metadata into the content so that what reaches the target ascends. */
function mergeMetadata(target: DiskWriter, plan: Ext4Plan): { readonly emit: Emit; rest(): Promise<void> } {
  const pieces = metadataPieces(plan);
  let next = pieces.next();
  const metadataBelow = async (offsetBytes: number): Promise<void> => {
    while (next.done !== true && next.value.offsetBytes < offsetBytes) {
      await target.write(next.value.offsetBytes, next.value.bytes);
      next = pieces.next();
    }
  };
  return {
    async emit(offsetBytes, bytes) {
      if (next.done !== true && next.value.offsetBytes < offsetBytes) await metadataBelow(offsetBytes);
      await target.write(offsetBytes, bytes);
    },
    rest: () => metadataBelow(Number.POSITIVE_INFINITY),
  };
}

async function writeSpecialBlocks(emit: Emit, plan: Ext4Plan): Promise<void> {
  if (plan.resizeBlock > 0) await emit(plan.resizeBlock * BLOCK_BYTES, encodeResizeIndex(plan));
  const [first] = plan.journal.map.extents;
  if (first === undefined) return;
  await emit(first.physical * BLOCK_BYTES, encodeJournalSuperblock(plan.journal.blocks));
  for (const { block, bytes } of encodeExtents(plan.journal.map, inodeSeed(plan.seed, INODE_NUMBER.journal))
    .blocks) {
    await emit(block * BLOCK_BYTES, bytes);
  }
}

/** Attribute block, directory or long symlink, and the extent tree of the latter two. */
async function writeSmall(
  emit: Emit,
  plan: Ext4Plan,
  { scanned, map, xattrBlock }: PlacedInode,
): Promise<void> {
  const { node, xattrs } = scanned;
  if (xattrs.block !== undefined) {
    await emit(xattrBlock * BLOCK_BYTES, sealXattrBlock(xattrs.block, plan.seed, xattrBlock));
  }
  if (node.kind === 'file' || map.extents.length === 0) return;
  const seed = inodeSeed(plan.seed, scanned.number);
  const write = extentWriter(emit, map.extents);
  if (scanned.shape !== undefined) {
    const seeds = { checksum: seed, hash: hashSeedOf(plan.uuid) };
    await write(encodeDirectory(directoryContent(scanned, scanned.shape), seeds));
  }
  if (node.kind === 'symlink') await write(Buffer.from(node.target, 'latin1'));
  for (const { block, bytes } of encodeExtents(map, seed).blocks) await emit(block * BLOCK_BYTES, bytes);
}

function directoryContent(directory: ScannedInode, shape: DirectoryShape): DirectoryContent {
  return {
    shape,
    inode: directory.number,
    parent: (directory.parent ?? directory).number,
    entries: directory.entries.map(({ name, inode }) => ({
      name,
      inode: inode.number,
      type: inode.node.kind,
    })),
  };
}

async function writeFiles(emit: Emit, plan: Ext4Plan, options: OperationOptions): Promise<void> {
  const total = plan.files.reduce(
    (sum, { scanned: { node } }) => sum + (node.kind === 'file' ? contentBytes(node) : 0),
    0,
  );
  const task = startTask(options.progress ?? silentProgress, 'write files', 'bytes', total);
  for (const placed of plan.files) {
    options.signal?.throwIfAborted();
    await writeFile(emit, plan, placed);
    task.advance(placed.scanned.sizeBytes);
  }
  task.end();
}

async function writeFile(emit: Emit, plan: Ext4Plan, { scanned, map }: PlacedInode): Promise<void> {
  const { node, number, sizeBytes } = scanned;
  if (node.kind !== 'file') return;
  const { verity } = node;
  const proofStart = verity === undefined ? Number.POSITIVE_INFINITY : verityStartBlock(sizeBytes);
  const hasher = verity === undefined ? undefined : new VerityHasher(verity);
  const writeContent = extentWriter(
    emit,
    map.extents.filter(({ logical }) => logical < proofStart),
  );
  for await (const chunk of openContent(node, () => pathOf(scanned))) {
    hasher?.update(chunk);
    await writeContent(chunk);
  }
  if (hasher !== undefined) {
    const tree = hasher.finish();
    if (node.verityDigest !== undefined && !tree.digest.equals(node.verityDigest)) {
      throw new SlipwayError(
        'DISK_CONTENT_CHANGED',
        `cannot write ${pathOf(scanned)}: its fs-verity digest is not what it was`,
        {
          details: {
            expected: Buffer.from(node.verityDigest).toString('hex'),
            actual: tree.digest.toString('hex'),
          },
        },
      );
    }
    const writeProof = extentWriter(
      emit,
      map.extents.filter(({ logical }) => logical >= proofStart),
    );
    for (const bytes of verityBytes(tree)) await writeProof(bytes);
  }
  for (const { block, bytes } of encodeExtents(map, inodeSeed(plan.seed, number)).blocks) {
    await emit(block * BLOCK_BYTES, bytes);
  }
}

/** Takes the bytes of a file one after another and puts them where its extents are. */
function extentWriter(emit: Emit, extents: readonly Extent[]): (bytes: Uint8Array) => Promise<void> {
  let index = 0;
  let within = 0;
  return async (bytes) => {
    for (let done = 0; done < bytes.length; ) {
      const extent = extents[index];
      if (extent === undefined) throw new SlipwayError('INTERNAL', 'cannot write past the blocks of a file');
      const room = extent.blocks * BLOCK_BYTES - within;
      const part = bytes.subarray(done, done + room);
      await emit(extent.physical * BLOCK_BYTES + within, part);
      done += part.length;
      within += part.length;
      if (part.length === room) {
        index += 1;
        within = 0;
      }
    }
  };
}
