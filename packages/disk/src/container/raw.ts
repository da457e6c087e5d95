import { SlipwayError } from '@slipway/core';
import { coalescingWriter } from '../device/coalescing.ts';
import { openPartialFile, type PartialFile } from '../device/partial-file.ts';
import type { DiskTarget } from '../device/writer.ts';

/** Aligned stretches of zeros of this size are left out; they stay holes of the file. */
const HOLE_BYTES = 4096;
const ZEROS = Buffer.alloc(HOLE_BYTES);

/**
 * Opens a raw disk image of `sizeBytes` for writing: a sparse file under a temporary name until it is finished.
 *
 * @throws SlipwayError DISK_NO_SPACE, IO_FAILED
 */
export async function openRawTarget(path: string, sizeBytes: number): Promise<DiskTarget> {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new SlipwayError('DISK_INVALID', `cannot make a disk of ${sizeBytes} bytes`);
  }
  const file = await openPartialFile(path);
  const writer = coalescingWriter((offsetBytes, bytes) => writeSparse(file, offsetBytes, bytes));
  try {
    await file.resize(sizeBytes);
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
  return {
    sizeBytes,
    write: (offsetBytes, bytes) => writer.write(offsetBytes, bytes),
    async finish() {
      await writer.flush();
      await file.commit();
    },
    async [Symbol.asyncDispose]() {
      // A write may still be in flight; its outcome no longer matters.
      await writer.flush().catch(() => undefined);
      await file[Symbol.asyncDispose]();
    },
  };
}

/** Writes the parts of `bytes` that are not aligned blocks of zeros. */
async function writeSparse(file: PartialFile, offsetBytes: number, bytes: Uint8Array): Promise<void> {
  let start = 0;
  for (let at = firstBlock(offsetBytes); at < bytes.length; ) {
    if (!isZeroBlock(bytes, at)) {
      at += HOLE_BYTES;
      continue;
    }
    if (at > start) await file.write(offsetBytes + start, bytes.subarray(start, at));
    at += HOLE_BYTES;
    start = at;
  }
  if (start < bytes.length) await file.write(offsetBytes + start, bytes.subarray(start));
}

function firstBlock(offsetBytes: number): number {
  return (HOLE_BYTES - (offsetBytes % HOLE_BYTES)) % HOLE_BYTES;
}

function isZeroBlock(bytes: Uint8Array, at: number): boolean {
  if (at + HOLE_BYTES > bytes.length || bytes[at] !== 0 || bytes[at + HOLE_BYTES - 1] !== 0) return false;
  return ZEROS.equals(bytes.subarray(at, at + HOLE_BYTES));
}
