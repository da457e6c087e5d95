import type { BlockRange } from './geometry.ts';

/** Hands out blocks in ascending order, around the metadata. */
export interface BlockAllocator {
  /** The next `blocks` free blocks, in as few runs as the metadata allows. */
  take(blocks: number): readonly BlockRange[];
  takeOne(): number;
  /** Takes the next `blocks` blocks if there is nothing between them; returns whether it did. */
  takeRun(blocks: number): boolean;
  /** The first block not handed out. Everything below it is in use. */
  readonly next: number;
}

/**
 * An allocator that starts at the front and leaves no gaps, which keeps bitmaps trivial: below {@link BlockAllocator.next}
 * every block is used, above it only metadata. It goes on past the end of the disk, so that a plan that does not fit knows by how much.
 *
 * @param obstacles blocks of metadata, ascending
 * @param start a block that was {@link BlockAllocator.next} before: what was handed out from there on is handed out again
 */
export function blockAllocator(obstacles: readonly BlockRange[], start = 0): BlockAllocator {
  let obstacle = firstObstacle(obstacles, start);
  let next = start;

  function skipMetadata(): number {
    for (;;) {
      const range = obstacles[obstacle];
      if (range === undefined) return Number.POSITIVE_INFINITY;
      if (next < range.start) return range.start - next;
      next = Math.max(next, range.start + range.blocks);
      obstacle += 1;
    }
  }

  function take(blocks: number): readonly BlockRange[] {
    const ranges: BlockRange[] = [];
    for (let left = blocks; left > 0; ) {
      const free = skipMetadata();
      const taken = Math.min(left, free);
      ranges.push({ start: next, blocks: taken });
      next += taken;
      left -= taken;
    }
    return ranges;
  }

  return {
    take,
    takeOne() {
      skipMetadata();
      next += 1;
      return next - 1;
    },
    takeRun(blocks) {
      const free = skipMetadata();
      if (free < blocks) return false;
      next += blocks;
      return true;
    },
    get next() {
      return next;
    },
  };
}

/** The first range that does not end before a block. */
function firstObstacle(obstacles: readonly BlockRange[], block: number): number {
  let low = 0;
  for (let high = obstacles.length; low < high; ) {
    const middle = (low + high) >>> 1;
    const range = obstacles[middle];
    if (range !== undefined && range.start + range.blocks <= block) low = middle + 1;
    else high = middle;
  }
  return low;
}
