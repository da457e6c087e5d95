import { open } from 'node:fs/promises';
import { messageOf, SlipwayError } from '@slipway/core';

/** A disk being read, or a part of one. Whoever made its bytes is not trusted. */
export interface DiskSource {
  readonly sizeBytes: number;
  /**
   * Exactly `lengthBytes` bytes.
   *
   * @throws SlipwayError DISK_INVALID when they are not all within the disk, IO_FAILED when it cannot be read
   */
  read(offsetBytes: number, lengthBytes: number): Promise<Buffer>;
}

/** A source that holds a file open. */
export interface OpenDiskSource extends DiskSource, AsyncDisposable {}

/**
 * Opens a raw image or a device for reading.
 *
 * @param sizeBytes of a device, which no file system knows; a file's own where absent
 */
export async function openRawSource(path: string, sizeBytes?: number): Promise<OpenDiskSource> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new SlipwayError('IO_FAILED', `cannot open ${path}: ${messageOf(cause)}`, { cause });
  });
  const size = sizeBytes ?? (await handle.stat()).size;
  return {
    sizeBytes: size,
    async read(offsetBytes, lengthBytes) {
      checkRange(size, offsetBytes, lengthBytes);
      const buffer = Buffer.allocUnsafe(lengthBytes);
      let done = 0;
      while (done < lengthBytes) {
        const { bytesRead } = await handle.read(buffer, done, lengthBytes - done, offsetBytes + done);
        if (bytesRead === 0) throw new SlipwayError('DISK_INVALID', `cannot read ${path}: it ends early`);
        done += bytesRead;
      }
      return buffer;
    },
    async [Symbol.asyncDispose]() {
      await handle.close();
    },
  };
}

/** The part `[offsetBytes, offsetBytes + sizeBytes)` of a source as a source of its own. */
export function sourceWindow(parent: DiskSource, offsetBytes: number, sizeBytes: number): DiskSource {
  return {
    sizeBytes,
    async read(at, lengthBytes) {
      checkRange(sizeBytes, at, lengthBytes);
      return await parent.read(offsetBytes + at, lengthBytes);
    },
  };
}

/** Bytes in memory as a source. */
export function bytesSource(bytes: Uint8Array): DiskSource {
  return {
    sizeBytes: bytes.length,
    async read(offsetBytes, lengthBytes) {
      checkRange(bytes.length, offsetBytes, lengthBytes);
      return Buffer.from(bytes.subarray(offsetBytes, offsetBytes + lengthBytes));
    },
  };
}

/** @throws SlipwayError DISK_INVALID when the range is not within the disk */
export function checkRange(sizeBytes: number, offsetBytes: number, lengthBytes: number): void {
  if (
    !Number.isSafeInteger(offsetBytes) ||
    !Number.isSafeInteger(lengthBytes) ||
    offsetBytes < 0 ||
    lengthBytes < 0 ||
    offsetBytes + lengthBytes > sizeBytes
  ) {
    throw new SlipwayError(
      'DISK_INVALID',
      `cannot read ${lengthBytes} bytes at ${offsetBytes}: the disk has ${sizeBytes}`,
    );
  }
}
