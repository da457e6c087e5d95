import { checkRange, type DiskSource } from '../device/source.ts';

/** A part of one block of a disk; undefined where it reads as zeros. */
export type ReadBlock = (
  index: number,
  offsetInBlock: number,
  lengthBytes: number,
) => Promise<Buffer | undefined>;

/** A disk cut into blocks of one size that are somewhere in a file, or nowhere. */
export function blockSource(sizeBytes: number, blockBytes: number, readBlock: ReadBlock): DiskSource {
  return {
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange(sizeBytes, offsetBytes, lengthBytes);
      const result = Buffer.alloc(lengthBytes);
      for (let done = 0; done < lengthBytes; ) {
        const at = offsetBytes + done;
        const within = at % blockBytes;
        const length = Math.min(blockBytes - within, lengthBytes - done);
        const bytes = await readBlock(Math.floor(at / blockBytes), within, length);
        bytes?.copy(result, done, 0, length);
        done += length;
      }
      return result;
    },
  };
}

/** The last few things read, by where they are. */
export class RecentlyRead<T> {
  readonly #values = new Map<number, T>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  async get(key: number, read: () => Promise<T>): Promise<T> {
    const value = this.#values.get(key) ?? (await read());
    this.#values.delete(key);
    this.#values.set(key, value);
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#most) break;
      this.#values.delete(oldest);
    }
    return value;
  }
}
