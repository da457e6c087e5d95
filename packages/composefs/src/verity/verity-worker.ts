/** The thread that reads parts of files and hashes their blocks; what it is asked for says which. */
import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { errnoOf, messageOf } from '@slipway/core';
import type { VerityAlgorithm } from './algorithm.ts';
import { leafHashes } from './hasher.ts';

/** A part of a file. */
export interface PartOrder {
  /** Of this process, so of this thread too; open until the answer is there. */
  readonly fd: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly algorithm: VerityAlgorithm;
}

/** Its leaf hashes, or why there are none. */
export type PartAnswer =
  | { readonly kind: 'hashed'; readonly hashes: Uint8Array<ArrayBuffer>; readonly sizeBytes: number }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined };

let room = Buffer.alloc(0);

function hashPart({ fd, offset, sizeBytes, algorithm }: PartOrder): PartAnswer {
  if (room.length < sizeBytes) room = Buffer.allocUnsafeSlow(sizeBytes);
  let filled = 0;
  for (let got = -1; got !== 0 && filled < sizeBytes; filled += got) {
    got = readSync(fd, room, filled, sizeBytes - filled, offset + filled);
  }
  return { kind: 'hashed', hashes: leafHashes(algorithm, room.subarray(0, filled)), sizeBytes: filled };
}

parentPort?.on('message', (order: PartOrder) => {
  let answer: PartAnswer;
  try {
    answer = hashPart(order);
  } catch (cause) {
    answer = { kind: 'failed', message: messageOf(cause), code: errnoOf(cause) };
  }
  parentPort?.postMessage(answer, answer.kind === 'hashed' ? [answer.hashes.buffer] : []);
});
