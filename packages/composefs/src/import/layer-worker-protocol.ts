import { type ErrorCode, type ErrorContext, isSlipwayError, messageOf, SlipwayError } from '@slipway/core';
import type { Digest } from '@slipway/oci';
import type { VerityPolicy } from '../repository/meta.ts';
import type { SealingState } from '../repository/sealing.ts';
import type { VerityAlgorithm } from '../verity/algorithm.ts';
import type { LayerCount } from './read-layer.ts';

/** What a worker is given when it starts. */
export interface LayerWorkerData {
  readonly storePath: string;
  readonly algorithm: VerityAlgorithm;
  readonly verity: VerityPolicy;
}

/** To a worker: a layer begins, its bytes as transported, their end. */
export type LayerOrder =
  | { readonly kind: 'begin'; readonly diffId: Digest; readonly what: string }
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' };

/** From a worker: it has taken a chunk, has read the layer, or could not. */
export type LayerReport =
  | { readonly kind: 'taken' }
  | {
      readonly kind: 'read';
      readonly record: Uint8Array;
      readonly count: LayerCount;
      readonly sealing: SealingState;
    }
  | { readonly kind: 'failed'; readonly failure: ThrownInWorker };

/** Chunks sent ahead of what the worker has taken: with {@link CHUNK_BYTES}, what a layer has in flight. */
export const CHUNKS_AHEAD: number = 4;
/** Length of a chunk, but for the last. */
export const CHUNK_BYTES: number = 128 * 1024;

/** Something thrown, in values that can be sent. */
export interface ThrownInWorker {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly hint: string | undefined;
  readonly details: NonNullable<ErrorContext['details']>;
}

/** Packs what was thrown; a cause is not kept but in the stack. */
export function packThrown(thrown: unknown): ThrownInWorker {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  if (!isSlipwayError(thrown))
    return { code: undefined, message: messageOf(thrown), stack, hint: undefined, details: {} };
  const { code, message, hint, details } = thrown;
  return { code, message, stack, hint, details };
}

/** The error again, as if it had been thrown here. */
export function unpackThrown({ code, message, stack, hint, details }: ThrownInWorker): Error {
  const error =
    code === undefined
      ? new Error(message)
      : new SlipwayError(code, message, { details, ...(hint === undefined ? {} : { hint }) });
  if (stack !== undefined) error.stack = stack;
  return error;
}
