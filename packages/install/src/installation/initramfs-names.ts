import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { type ByteStream, messageOf, SlipwayError } from '@slipway/core';

/** cpio, "new ASCII" format: 6 bytes of magic, then 13 fields of 8 hexadecimal digits (cpio(5)). */
const MAGIC = '070701';
const HEADER_BYTES = 110;
const FILE_SIZE_AT = 54;
const NAME_SIZE_AT = 94;
const LONGEST_NAME_BYTES = 4096;
/** Unpacked, far more than any machine could hold as an initramfs. */
const MOST_BYTES = 4 * 1024 ** 3;
const LAST = 'TRAILER!!!';

/**
 * Names of the files in an initramfs that is one archive, packed with zstd, gzip or not at all.
 *
 * @throws SlipwayError IMAGE_NOT_BOOTABLE for anything else
 */
export async function initramfsNames(bytes: () => ByteStream): Promise<ReadonlySet<string>> {
  try {
    return await namesOf(await unpacked(bytes));
  } catch (cause) {
    throw new SlipwayError(
      'IMAGE_NOT_BOOTABLE',
      `cannot look into the initramfs of the image: ${messageOf(cause)}`,
      {
        hint: 'it is asked whether it can open the storage of the root; make it with dracut, packed with zstd or gzip',
        cause,
      },
    );
  }
}

async function unpacked(bytes: () => ByteStream): Promise<AsyncIterable<Buffer>> {
  const head = await firstBytes(bytes(), MAGIC.length);
  const unpack =
    head.readUInt32LE(0) === 0xfd2fb528
      ? createZstdDecompress()
      : head.readUInt16BE(0) === 0x1f8b
        ? createGunzip()
        : undefined;
  if (unpack !== undefined) return pipeline(Readable.from(bytes()), unpack, () => undefined);
  if (head.toString('latin1') === MAGIC) return Readable.from(bytes());
  throw new Error('it is packed in a way that is not known here');
}

async function firstBytes(bytes: ByteStream, count: number): Promise<Buffer> {
  let head = Buffer.alloc(0);
  for await (const chunk of bytes) {
    head = Buffer.concat([head, chunk]);
    if (head.length >= count) return head.subarray(0, count);
  }
  throw new Error('it is empty');
}

async function namesOf(archive: AsyncIterable<Buffer>): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  const reader = new PieceReader(archive);
  while (reader.totalBytes < MOST_BYTES) {
    const header = await reader.take(HEADER_BYTES);
    if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new Error('it is no cpio archive');
    const fileBytes = hexAt(header, FILE_SIZE_AT);
    const nameBytes = hexAt(header, NAME_SIZE_AT);
    if (nameBytes > LONGEST_NAME_BYTES) throw new Error('a name in it is too long');
    const name = (await reader.take(padded(HEADER_BYTES + nameBytes) - HEADER_BYTES)).toString(
      'utf8',
      0,
      nameBytes - 1,
    );
    if (name === LAST) return names;
    names.add(name.replace(/^\.?\//, ''));
    await reader.skip(padded(fileBytes));
  }
  throw new Error('it is too large');
}

function hexAt(header: Buffer, at: number): number {
  const text = header.toString('latin1', at, at + 8);
  if (!/^[0-9a-f]{8}$/i.test(text)) throw new Error('it is no cpio archive');
  return Number.parseInt(text, 16);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

/** Pieces of a stream by length. */
class PieceReader {
  totalBytes = 0;
  readonly #source: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async take(bytes: number): Promise<Buffer> {
    while (this.#held.length < bytes) this.#held = Buffer.concat([this.#held, await this.#next()]);
    const piece = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return piece;
  }

  async skip(bytes: number): Promise<void> {
    let left = bytes;
    while (left > this.#held.length) {
      left -= this.#held.length;
      this.#held = await this.#next();
    }
    this.#held = this.#held.subarray(left);
  }

  async #next(): Promise<Buffer> {
    const { value, done } = await this.#source.next();
    if (done === true) throw new Error('it ends early');
    this.totalBytes += value.length;
    return value;
  }
}
