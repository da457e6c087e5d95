import { VerityHasher } from '@slipway/composefs';
import { type OperationOptions, SlipwayError, silentProgress, startTask } from '@slipway/core';
import { openContent } from '../content.ts';
import type { DiskWriter } from '../device/writer.ts';
import type { StreamedFile } from './area.ts';
import { AreaLoader } from './area-loader.ts';
import { AreaProofs } from './area-proofs.ts';
import { inodeSeed } from './checksum.ts';
import { encodeDirectory } from './directory.ts';
import type { DirectoryContent } from './directory-leaf.ts';
import { type Extent, type ExtentMap, encodeExtents } from './extent.ts';
import { BLOCK_BYTES, INODE_NUMBER } from './format.ts';
import { encodeJournalSuperblock } from './journal.ts';
import { metadataPieces } from './metadata.ts';
import { hashSeedOf } from './name-hash.ts';
import type { Ext4Plan } from './plan.ts';
import { encodeResizeIndex } from './resize-inode.ts';
import type { ScannedTree } from './scanned-tree.ts';
import { checkedTree, verityBlocks, verityStartBlock, writeProof } from './verity.ts';
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
  for (let inode = 0; inode < plan.tree.count; inode += 1) await writeSmall(merged.emit, plan, inode);
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
  const { resizeBlock, journal } = plan.places;
  if (resizeBlock > 0) await emit(resizeBlock * BLOCK_BYTES, encodeResizeIndex(plan));
  const [first] = journal.map.extents;
  if (first === undefined) return;
  await emit(first.physical * BLOCK_BYTES, encodeJournalSuperblock(journal.blocks));
  await writeTreeBlocks(emit, journal.map, inodeSeed(plan.seed, INODE_NUMBER.journal));
}

/** Attribute block, directory or long symlink, and the extent tree of the latter two. */
async function writeSmall(emit: Emit, plan: Ext4Plan, inode: number): Promise<void> {
  const { tree, places } = plan;
  const { block } = tree.xattrs(inode);
  if (block !== undefined) {
    const xattrBlock = places.xattrBlock(inode);
    await emit(xattrBlock * BLOCK_BYTES, sealXattrBlock(block, plan.seed, xattrBlock));
  }
  const node = tree.node(inode);
  if (node.kind !== 'directory' && node.kind !== 'symlink') return;
  const map = places.map(inode);
  if (map.extents.length === 0) return;
  const seed = inodeSeed(plan.seed, tree.number(inode));
  const write = extentWriter(emit, map.extents);
  if (node.kind === 'symlink') await write(Buffer.from(node.target, 'latin1'));
  else {
    const seeds = { checksum: seed, hash: hashSeedOf(plan.uuid) };
    await write(encodeDirectory(directoryContent(tree, inode), seeds));
  }
  await writeTreeBlocks(emit, map, seed);
}

function directoryContent(tree: ScannedTree, inode: number): DirectoryContent {
  const { shape, names, inodes } = tree.directory(inode);
  return {
    shape,
    inode: tree.number(inode),
    parent: tree.number(tree.parent(inode)),
    entries: names.map((name, index) => {
      const child = inodes[index] ?? 0;
      return { name, inode: tree.number(child), type: tree.node(child).kind };
    }),
  };
}

async function writeTreeBlocks(emit: Emit, map: ExtentMap, seed: number): Promise<void> {
  if (map.treeBlocks.length === 0) return;
  for (const { block, bytes } of encodeExtents(map, seed).blocks) await emit(block * BLOCK_BYTES, bytes);
}

async function writeFiles(emit: Emit, plan: Ext4Plan, options: OperationOptions): Promise<void> {
  const progress = options.progress ?? silentProgress;
  const task = startTask(progress, 'write files', 'bytes', plan.tree.fileBytes());
  const proofs = new AreaProofs(plan.tree);
  await using loader = new AreaLoader(plan);
  for await (const step of loader.steps()) {
    options.signal?.throwIfAborted();
    if (step.kind === 'area') {
      task.advance(proofs.add(step));
      await emit(step.area.offsetBytes, step.bytes);
    } else {
      await writeFile(emit, plan, step);
      task.advance(step.node.sizeBytes);
    }
  }
  task.end();
}

async function writeFile(emit: Emit, plan: Ext4Plan, { inode, node }: StreamedFile): Promise<void> {
  const { verity, sizeBytes } = node;
  const map = plan.places.map(inode);
  const path = (): string => plan.tree.pathOf(inode);
  const proofStart = verity === undefined ? Number.POSITIVE_INFINITY : verityStartBlock(sizeBytes);
  const hasher = verity === undefined ? undefined : new VerityHasher(verity);
  const [content, proof] = [
    map.extents.filter(({ logical }) => logical < proofStart),
    map.extents.filter(({ logical }) => logical >= proofStart),
  ];
  const writeContent = extentWriter(emit, content);
  for await (const chunk of openContent(node, path)) {
    hasher?.update(chunk);
    await writeContent(chunk);
  }
  if (verity !== undefined && hasher !== undefined) {
    const bytes = Buffer.alloc(verityBlocks(sizeBytes, verity) * BLOCK_BYTES);
    writeProof(checkedTree(node, hasher.finish(), path), bytes);
    await extentWriter(emit, proof)(bytes);
  }
  await writeTreeBlocks(emit, map, inodeSeed(plan.seed, plan.tree.number(inode)));
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
