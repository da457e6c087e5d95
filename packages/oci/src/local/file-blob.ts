import type { FileHandle } from 'node:fs/promises';
import type { OpenBlobOptions } from '../image.ts';
import type { LocalBlob } from './local-source.ts';

const READ_BYTES = 1 << 20;

/** Bytes of a file from `startBytes` up to `endBytes`, in large pieces. A file that ends earlier ends the stream. */
export async function* readFilePart(
  handle: FileHandle,
  startBytes: number,
  endBytes: number,
  { signal, reuseChunks = false }: OpenBlobOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let buffer: Buffer | undefined;
  for (let at = startBytes; at < endBytes; ) {
    signal?.throwIfAborted();
    const lengthBytes = Math.min(READ_BYTES, endBytes - at);
    buffer = reuseChunks && buffer !== undefined ? buffer : Buffer.allocUnsafeSlow(lengthBytes);
    const { bytesRead } = await handle.read(buffer, 0, lengthBytes, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A blob that is a whole file, closed when the blob is. */
export function fileBlob(handle: FileHandle, sizeBytes: number): LocalBlob {
  return {
    sizeBytes,
    read: (startBytes, options) => readFilePart(handle, startBytes, sizeBytes, options),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** A blob that was made in memory. */
export function memoryBlob(bytes: Uint8Array): LocalBlob {
  return {
    sizeBytes: bytes.length,
    async *read(startBytes) {
      yield bytes.subarray(startBytes);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
