import { SlipwayError } from '@slipway/core';

/**
 * A stretch of a disk being written: a partition, or the whole.
 *
 * Writes ascend and never overlap; what is not written reads as zeros. That order is what lets a compressed container
 * be written in one pass without a raw disk in between.
 */
export interface DiskWriter {
  readonly sizeBytes: number;
  /** Takes the bytes in; the caller may reuse them when the promise is fulfilled. */
  write(offsetBytes: number, bytes: Uint8Array): Promise<void>;
}

/**
 * A disk being made, file or device. Disposing of it before {@link DiskTarget.finish} was fulfilled leaves nothing under
 * the final name.
 */
export interface DiskTarget extends DiskWriter, AsyncDisposable {
  /** Puts everything on stable storage and the file under its final name. */
  finish(): Promise<void>;
}

/**
 * The part `[offsetBytes, offsetBytes + sizeBytes)` of a writer as a writer of its own.
 *
 * @throws SlipwayError INTERNAL from `write` when bytes fall outside the window: a layout was computed wrongly
 */
export function windowOf(parent: DiskWriter, offsetBytes: number, sizeBytes: number): DiskWriter {
  return {
    sizeBytes,
    async write(at, bytes) {
      if (at < 0 || at + bytes.length > sizeBytes) {
        throw new SlipwayError('INTERNAL', `cannot write ${bytes.length} bytes at ${at} of ${sizeBytes}`);
      }
      await parent.write(offsetBytes + at, bytes);
    },
  };
}
