/** The thread that reads files and hashes their blocks; what it is asked for says which. */
import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { errnoOf, messageOf } from '@slipway/core';
import type { VerityAlgorithm } from './algorithm.ts';
import { leafHashes } from './hasher.ts';
import { type FilePart, loadParts } from './load-parts.ts';

/** Hash a part of a file. */
export interface HashOrder {
  readonly kind: 'hash';
  /** Of this process, so of this thread too; open until the answer is there. */
  readonly fd: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly algorithm: VerityAlgorithm;
}

/** Bring parts of files into memory, which goes there and back. */
export interface LoadOrder {
  readonly kind: 'load';
  readonly parts: readonly FilePart[];
  readonly into: Uint8Array<ArrayBuffer>;
  readonly algorithm: VerityAlgorithm;
}

export type Order = HashOrder | LoadOrder;

/** Leaf hashes, and what else was asked for. */
export type Done =
  | { readonly kind: 'hash'; readonly hashes: Uint8Array<ArrayBuffer>; readonly sizeBytes: number }
  | {
      readonly kind: 'load';
      readonly hashes: Uint8Array<ArrayBuffer>;
      readonly bytes: Uint8Array<ArrayBuffer>;
    };

/** What was asked for, or why it is not there. */
export type Answer =
  | Done
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined };

let room = Buffer.alloc(0);

function hashPart({ fd, offset, sizeBytes, algorithm }: HashOrder): Done {
  if (room.length < sizeBytes) room = Buffer.allocUnsafeSlow(sizeBytes);
  let filled = 0;
  for (let got = -1; got !== 0 && filled < sizeBytes; filled += got) {
    got = readSync(fd, room, filled, sizeBytes - filled, offset + filled);
  }
  return { kind: 'hash', hashes: leafHashes(algorithm, room.subarray(0, filled)), sizeBytes: filled };
}

function load({ parts, into, algorithm }: LoadOrder): Done {
  return { kind: 'load', hashes: loadParts(parts, into, algorithm), bytes: into };
}

parentPort?.on('message', (order: Order) => {
  try {
    const done = order.kind === 'hash' ? hashPart(order) : load(order);
    const given = done.kind === 'hash' ? [done.hashes.buffer] : [done.hashes.buffer, done.bytes.buffer];
    parentPort?.postMessage(done satisfies Answer, given);
  } catch (cause) {
    const answer: Answer = { kind: 'failed', message: messageOf(cause), code: errnoOf(cause) };
    parentPort?.postMessage(answer, []);
  }
});
