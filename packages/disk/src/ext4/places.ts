import { blockAllocator } from './allocator.ts';
import { type ExtentMap, NO_EXTENTS, placeStretches } from './extent.ts';
import { MAX_EXTENT_BLOCKS } from './format.ts';
import { type BlockRange, type Ext4Geometry, metadataRanges } from './geometry.ts';
import { journalBlocks } from './journal.ts';
import type { ScannedTree } from './scanned-tree.ts';

/** Where everything of a file system is. */
export class Places {
  readonly journal: { readonly blocks: number; readonly map: ExtentMap };
  /** The double indirect block of the resize inode; 0 where there is nothing in reserve. */
  readonly resizeBlock: number;
  /** Below this every block is in use, above it only metadata. */
  readonly firstFreeBlock: number;
  readonly #tree: ScannedTree;
  readonly #obstacles: readonly BlockRange[];
  /** Of each inode, the block from which on its content was given a place: all else follows from it. */
  readonly #starts: Float64Array;
  readonly #xattrBlocks = new Map<number, number>();

  /**
   * Gives everything its place: resize inode, journal, then what is small, then the files, all in the order of the tree.
   * What a boot looks up stands close together this way.
   *
   * @param journal blocks of the journal; by the size of the file system where absent
   */
  constructor(tree: ScannedTree, geometry: Ext4Geometry, journal: number = journalBlocks(geometry.blocks)) {
    this.#tree = tree;
    this.#obstacles = metadataRanges(geometry);
    this.#starts = new Float64Array(tree.count);
    const allocator = blockAllocator(this.#obstacles);
    this.resizeBlock = geometry.reservedDescriptorBlocks > 0 ? allocator.takeOne() : 0;
    const journalStretches = journal === 0 ? [] : [{ logical: 0, blocks: journal }];
    this.journal = { blocks: journal, map: placeStretches(allocator, journalStretches) };
    const place = (inode: number): void => {
      this.#starts[inode] = allocator.next;
      const blocks = tree.blocks(inode);
      // Nearly all stand in one run of blocks, which as two extents fit into the inode.
      const isPlain = blocks > 0 && blocks <= MAX_EXTENT_BLOCKS && !tree.hasHoles(inode);
      if (!isPlain || !allocator.takeRun(blocks)) placeStretches(allocator, tree.stretches(inode));
    };
    for (const [inode, { kind }] of tree.nodes.entries()) {
      if (tree.xattrs(inode).block !== undefined) this.#xattrBlocks.set(inode, allocator.takeOne());
      if (kind !== 'file') place(inode);
    }
    for (const [inode, { kind }] of tree.nodes.entries()) if (kind === 'file') place(inode);
    this.firstFreeBlock = allocator.next;
  }

  /** The blocks of the content of an inode. */
  map(inode: number): ExtentMap {
    const stretches = this.#tree.stretches(inode);
    if (stretches.length === 0) return NO_EXTENTS;
    return placeStretches(blockAllocator(this.#obstacles, this.#starts[inode]), stretches);
  }

  /** The block of its attributes; 0 for none. */
  xattrBlock(inode: number): number {
    return this.#xattrBlocks.get(inode) ?? 0;
  }
}
