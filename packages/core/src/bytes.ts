/** Something that yields bytes and waits for its reader. */
export type ByteStream = AsyncIterable<Uint8Array>;

/** Order of unsigned bytes, the order of every sorted list on disk. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/**
 * Gives memory back at once, unless something else lies beside these bytes; nobody may look at them any more. Left to garbage
 * collection, what streams in a second would lie about by the hundred megabytes, or have the whole heap looked through for it.
 */
export function freeBytes({ buffer, byteLength }: ArrayBufferView): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/**
 * The same for a chunk of an engine of node:zlib, of a `chunkSize` that says how long its buffers are. It fills one buffer after the
 * other, and what it hands out are views of them: with the end of a buffer it has let go of it.
 */
export function freeEngineChunk({ buffer, byteOffset, byteLength }: Uint8Array, chunkSize: number): void {
  const isEnd = buffer.byteLength === chunkSize && byteOffset + byteLength === chunkSize;
  if (isEnd && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** The smallest `chunkSize` node:zlib takes. */
const SMALLEST_CHUNK_BYTES = 64;

/**
 * The `chunkSize` with which node:zlib unpacks so many bytes into one buffer that is not much larger: what is left of its usual ones is
 * garbage, many times as much as is in short files. One byte more, since a full buffer has Node make the next one.
 */
export function chunkSizeFor(plainBytes: number): number {
  return Math.max(plainBytes + 1, SMALLEST_CHUNK_BYTES);
}

/**
 * Copies of the bytes in pieces of one length, the last one shorter, for whoever keeps them or gives them away: whoever made the chunks may
 * still need them, or take them back.
 */
export async function* copiedInPieces(
  stream: ByteStream,
  pieceBytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  let piece = new Uint8Array(pieceBytes);
  let filledBytes = 0;
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + pieceBytes - filledBytes);
      piece.set(part, filledBytes);
      filledBytes += part.length;
      at += part.length;
      if (filledBytes === pieceBytes) {
        yield piece;
        piece = new Uint8Array(pieceBytes);
        filledBytes = 0;
      }
    }
  }
  if (filledBytes > 0) yield piece.subarray(0, filledBytes);
}

/** Rounds up to a multiple of `unit`, a power of two or not. */
export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** A size for people: `1.4 GB`, decimal units as disks and registries use them. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let index = 0;
  while (value >= 1000 && index < units.length - 1) {
    value /= 1000;
    index += 1;
  }
  return `${index === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[index]}`;
}

/** Everything a stream yields, refused past a limit: for documents, never for layers. */
export async function collectBytes(
  stream: ByteStream,
  limitBytes: number,
  onTooLarge: () => Error,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > limitBytes) throw onTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
