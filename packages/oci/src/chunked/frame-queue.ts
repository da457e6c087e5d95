import { constants, zstdCompress, zstdCompressSync } from 'node:zlib';

/** Called when the frame has its place in the blob. */
type OnPlaced = (startBytes: number, endBytes: number) => void;

interface Frame {
  readonly packed: Promise<Buffer> | Buffer;
  readonly onPlaced: OnPlaced | undefined;
}

/** Frames being compressed at a time: each holds its content, at most four megabytes, and a thread. */
const MAX_FRAMES = 8;
/** Shorter content is compressed at once: handing it to a thread would take longer. */
const SYNC_BYTES = 8 * 1024;

/** Compresses pieces of an archive, several at a time, and hands them out in their order: one zstd frame each. */
export class FrameQueue {
  readonly #level: number;
  readonly #frames: Frame[] = [];
  #threads = 0;
  #position = 0;

  constructor(level: number) {
    this.#level = level;
  }

  /** Bytes handed out so far. */
  get position(): number {
    return this.#position;
  }

  /** Adds a frame; the content must not change afterwards. */
  add(content: Uint8Array, onPlaced?: OnPlaced): void {
    this.#frames.push({ packed: this.#pack(content), onPlaced });
  }

  /** Frames that must be taken before more is added, so that memory stays bounded. */
  async *overdue(): AsyncGenerator<Buffer, void, undefined> {
    while (this.#threads >= MAX_FRAMES || this.#frames.length >= MAX_FRAMES * 128) yield* this.#first();
  }

  /** All that are left. */
  async *rest(): AsyncGenerator<Buffer, void, undefined> {
    while (this.#frames.length > 0) yield* this.#first();
  }

  async *#first(): AsyncGenerator<Buffer, void, undefined> {
    const frame = this.#frames.shift();
    if (frame === undefined) return;
    const packed = await frame.packed;
    const start = this.#position;
    this.#position += packed.length;
    frame.onPlaced?.(start, this.#position);
    yield packed;
  }

  #pack(content: Uint8Array): Promise<Buffer> | Buffer {
    if (content.length <= SYNC_BYTES) return zstdCompressSync(content, frameOptions(content, this.#level));
    this.#threads += 1;
    const packed = packInThread(content, this.#level).finally(() => {
      this.#threads -= 1;
    });
    // Whoever awaits it hears of a failure; until then it is not unhandled.
    packed.catch(() => undefined);
    return packed;
  }
}

/** One zstd frame, made by a thread. */
export function packInThread(content: Uint8Array, level: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zstdCompress(content, frameOptions(content, level), (error, packed) => {
      if (error === null) resolve(packed);
      else reject(error);
    });
  });
}

/** The length is told beforehand: small frames then need small tables, and readers know what comes. */
function frameOptions(
  content: Uint8Array,
  level: number,
): { readonly params: Record<number, number>; readonly pledgedSrcSize: number } {
  return { params: { [constants.ZSTD_c_compressionLevel]: level }, pledgedSrcSize: content.length };
}
