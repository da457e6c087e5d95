/**
 * The part of an archive that is not content of files: headers, extended headers, sparse maps, the end.
 *
 * Before it is compressed, the checksum of each header block is taken out, for it follows from the rest, and runs of zeros are
 * written as a zero and their length. So the header of a file that only changed its time differs from the old one in the time alone.
 */
import { BLOCK_BYTES, deltaInvalid } from './format.ts';
import type { SectionReader } from './section-reader.ts';

/** Where a header block has its checksum (pax, "ustar Interchange Format"), and how it is commonly written. */
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;
const MAX_RUN = 255;

/**
 * Takes the checksums out of whole blocks, in place. Returns false, the blocks as they were, when
 * {@link restoreChecksums} would not give them back: then they go as they are.
 */
export function stripChecksums(blocks: Buffer): boolean {
  const original = Buffer.from(blocks);
  for (let at = 0; at + BLOCK_BYTES <= blocks.length; at += BLOCK_BYTES) {
    const stored = blocks.toString('latin1', at + CHECKSUM_AT, at + CHECKSUM_AT + CHECKSUM_BYTES);
    if (stored === checksumText(blocks, at))
      blocks.fill(0, at + CHECKSUM_AT, at + CHECKSUM_AT + CHECKSUM_BYTES);
  }
  const restored = Buffer.from(blocks);
  restoreChecksums(restored);
  if (restored.equals(original)) return true;
  original.copy(blocks);
  return false;
}

/** Puts a checksum into every whole block that has none and is not all zero, in place. */
export function restoreChecksums(blocks: Buffer): void {
  for (let at = 0; at + BLOCK_BYTES <= blocks.length; at += BLOCK_BYTES) {
    if (isZero(blocks, at + CHECKSUM_AT, CHECKSUM_BYTES) && !isZero(blocks, at, BLOCK_BYTES))
      blocks.write(checksumText(blocks, at), at + CHECKSUM_AT, 'latin1');
  }
}

/** Packs runs of zeros. */
export function packZeros(bytes: Buffer): Buffer {
  const packed = Buffer.allocUnsafe(bytes.length * 2);
  return packed.subarray(0, packZerosInto(packed, 0, bytes));
}

/** The same into other bytes, from a place on, where twice the length is free. Says where it ends. */
export function packZerosInto(packed: Buffer, startBytes: number, bytes: Buffer): number {
  let length = startBytes;
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at] ?? 0;
    packed[length] = byte;
    length += 1;
    at += 1;
    if (byte !== 0) continue;
    let run = 1;
    while (run < MAX_RUN && at < bytes.length && bytes[at] === 0) {
      run += 1;
      at += 1;
    }
    packed[length] = run;
    length += 1;
  }
  return length;
}

/** Unpacks what {@link packZeros} made, so many bytes at a time as are asked for, one piece after the other in the same memory. */
export class ZeroUnpacker {
  readonly #packed: SectionReader;
  readonly #memory: Buffer;
  /** Zeros of the last run that were not handed out yet. */
  #zeros = 0;

  /** @param longestBytes that are ever asked for at once */
  constructor(packed: SectionReader, longestBytes: number) {
    this.#packed = packed;
    this.#memory = Buffer.allocUnsafeSlow(longestBytes);
  }

  /** The next bytes, exactly so many; good until the next call. */
  async take(length: number): Promise<Buffer> {
    const bytes = this.#memory.subarray(0, length).fill(0);
    for (let at = 0; at < length; ) {
      if (this.#zeros > 0) {
        const run = Math.min(this.#zeros, length - at);
        this.#zeros -= run;
        at += run;
        continue;
      }
      const byte = this.#packed.byteNow() ?? (await this.#packed.byte());
      if (byte === 0) {
        this.#zeros = this.#packed.byteNow() ?? (await this.#packed.byte());
        if (this.#zeros === 0) throw deltaInvalid('a run of zeros has none');
      } else {
        bytes[at] = byte;
        at += 1;
      }
    }
    return bytes;
  }
}

function checksumText(blocks: Buffer, start: number): string {
  let sum = CHECKSUM_BYTES * 0x20;
  for (let at = start; at < start + BLOCK_BYTES; at += 1) sum += blocks[at] ?? 0;
  for (let at = start + CHECKSUM_AT; at < start + CHECKSUM_AT + CHECKSUM_BYTES; at += 1)
    sum -= blocks[at] ?? 0;
  return `${sum.toString(8).padStart(6, '0')}\0 `;
}

function isZero(bytes: Buffer, start: number, length: number): boolean {
  for (let at = start; at < start + length; at += 1) if (bytes[at] !== 0) return false;
  return true;
}
