import type { Digest } from '../image.ts';

/**
 * Reads a part of content that is here already, from one byte to before another; any number of times, one at a time. A chunk is
 * good until the next one is asked for.
 */
export type OpenContent = (
  startBytes: number,
  endBytes: number,
) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** What need not be fetched: files, and pieces of files, by what is in them. */
export interface KnownContent {
  /** Whether there is anything at all; if not, nothing is gained by asking for a table of contents. */
  readonly isEmpty: boolean;
  /** Content of this digest and length; undefined when it is not here. It is believed only when the whole layer is right. */
  find(digest: Digest, sizeBytes: number): OpenContent | undefined;
}
