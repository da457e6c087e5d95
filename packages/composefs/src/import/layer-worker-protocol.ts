import type { ThrownInThread } from '@slipway/core/thread';
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
  | { readonly kind: 'failed'; readonly failure: ThrownInThread };

/** Chunks sent ahead of what the worker has taken: with {@link CHUNK_BYTES}, what a layer has in flight. */
export const CHUNKS_AHEAD: number = 4;
/** Length of a chunk, but for the last. */
export const CHUNK_BYTES: number = 128 * 1024;
