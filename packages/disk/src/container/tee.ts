import { SlipwayError } from '@slipway/core';
import type { DiskTarget } from '../device/writer.ts';

/**
 * Several containers of one disk as one: what is written goes into all of them, so that the disk is made once however many
 * formats are wanted. Owns its targets. When one cannot be finished, those finished before it stand.
 */
export function teeTarget(targets: readonly DiskTarget[]): DiskTarget {
  const [first] = targets;
  if (first === undefined || targets.some(({ sizeBytes }) => sizeBytes !== first.sizeBytes)) {
    throw new SlipwayError('INTERNAL', 'cannot write one disk into targets of several sizes');
  }
  if (targets.length === 1) return first;
  return {
    sizeBytes: first.sizeBytes,
    async write(offsetBytes, bytes) {
      await settled(targets.map((target) => target.write(offsetBytes, bytes)));
    },
    async finish() {
      await settled(targets.map((target) => target.finish()));
    },
    async [Symbol.asyncDispose]() {
      await settled(targets.map(async (target) => target[Symbol.asyncDispose]()));
    },
  };
}

/** Waits for all, so that none is at work any more when the first failure is thrown. */
async function settled(works: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(works);
  await Promise.all(works);
}
