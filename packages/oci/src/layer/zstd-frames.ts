/** Where zstd frames begin and end (RFC 8878, section 3), without decoding them. */

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

/** What the next bytes are. */
type State = 'magic' | 'skippable-size' | 'descriptor' | 'block-header' | 'passing';

/**
 * Follows a stream of frames and says whether it stops between two frames.
 *
 * The decoder of Node forgives what stands after the last frame, and a frame cut inside its first four
 * bytes; this does not.
 */
export class ZstdFrameWalker {
  #state: State = 'magic';
  /** Bytes of a field that spans chunks. */
  #field: number[] = [];
  #fieldBytes = 4;
  /** Bytes to pass over, and what comes after them. */
  #passBytes = 0;
  #afterPass: State = 'magic';
  #checksumBytes = 0;
  #problem: string | undefined;

  /** What is wrong with the bytes seen so far, taken as a whole stream; undefined when it is complete. */
  get problem(): string | undefined {
    if (this.#problem !== undefined) return this.#problem;
    const between = this.#state === 'magic' && this.#field.length === 0;
    return between ? undefined : 'its last zstd frame is cut short';
  }

  /** Takes the next bytes of the stream; after a problem they are ignored. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && this.#problem === undefined) {
      if (this.#state === 'passing') {
        const length = Math.min(this.#passBytes, chunk.length - at);
        at += length;
        this.#pass(this.#passBytes - length, this.#afterPass);
      } else {
        this.#field.push(chunk[at] ?? 0);
        at += 1;
        if (this.#field.length === this.#fieldBytes) this.#endField();
      }
    }
  }

  #pass(bytes: number, after: State): void {
    this.#passBytes = bytes;
    this.#afterPass = after;
    if (bytes > 0) this.#state = 'passing';
    else this.#expect(after);
  }

  #expect(state: State): void {
    this.#state = state;
    this.#field = [];
    this.#fieldBytes = state === 'descriptor' ? 1 : state === 'block-header' ? 3 : 4;
  }

  #endField(): void {
    const value = this.#field.reduceRight((sum, byte) => sum * 256 + byte, 0);
    switch (this.#state) {
      case 'magic':
        if (value === FRAME_MAGIC) this.#expect('descriptor');
        else if (isSkippableMagic(value)) this.#expect('skippable-size');
        else this.#problem = 'something that is not zstd stands after its last frame';
        break;
      case 'skippable-size':
        this.#pass(value, 'magic');
        break;
      case 'descriptor':
        this.#checksumBytes = (value & 0b100) === 0 ? 0 : 4;
        this.#pass(headerBytesAfter(value), 'block-header');
        break;
      case 'block-header':
        this.#endBlockHeader(value);
        break;
      case 'passing':
        break;
    }
  }

  #endBlockHeader(value: number): void {
    const isLast = (value & 1) === 1;
    const isRepeat = ((value >> 1) & 0b11) === 1;
    const contentBytes = isRepeat ? 1 : value >> 3;
    if (isLast) this.#pass(contentBytes + this.#checksumBytes, 'magic');
    else this.#pass(contentBytes, 'block-header');
  }
}

/** Length of the frame header after its descriptor byte. */
function headerBytesAfter(descriptor: number): number {
  const isSingleSegment = (descriptor & 0b10_0000) !== 0;
  const sizeFlag = descriptor >> 6;
  const contentSizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
  return (isSingleSegment ? 0 : 1) + (DICTIONARY_ID_BYTES[descriptor & 0b11] ?? 0) + contentSizeBytes;
}

/** Sixteen numbers mark frames that decoders pass over. */
export function isSkippableMagic(value: number): boolean {
  return value >= SKIPPABLE_MAGIC && value <= SKIPPABLE_MAGIC + 15;
}
