import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { type ByteStream, freeEngineChunk, SlipwayError } from '@slipway/core';
import { type Compression, detectCompression } from './compression.ts';
import { throughEngine } from './zlib-engine.ts';
import { ZstdFrameWalker } from './zstd-frames.ts';

/** Options of {@link decompress}. */
export interface DecompressOptions {
  /** More output than this is refused. Default: 64 GiB. */
  readonly limitBytes?: number;
  /** Names the bytes in errors. */
  readonly what?: string;
  /** Bytes packed in any other way are refused. Default: all ways are taken. */
  readonly only?: Compression;
  /** The reader has no use for a chunk any more when it asks for the next one: its memory is freed then. Default: chunks stay. */
  readonly reuseChunks?: boolean;
}

const DEFAULT_LIMIT_BYTES = 64 * 2 ** 30;
/** Output per step: a quarter megabyte decodes a fifth faster than the default 16 kB. */
const OUTPUT_CHUNK_BYTES = 256 * 1024;
/** The largest window RFC 8878 asks decoders to take is 8 MiB; `--long` and `--ultra` go to 128 MiB. */
const MAX_WINDOW_LOG = 27;
/** Bytes that tell the formats apart. */
const MAGIC_BYTES = 4;

/**
 * Unpacks gzip (of any number of members), zstd (of any number of frames, skippable ones too) or passes
 * plain bytes through, by what the first bytes say. Data cut short and data after the end are refused.
 *
 * What the media type declared does not matter here: images exist that declare one thing and hold
 * another, every tool reads them, and the digests say whether the bytes are right.
 *
 * @throws SlipwayError OCI_COMPRESSION_INVALID; whatever the stream itself throws
 */
export async function* decompress(
  stream: ByteStream,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const what = options.what ?? 'the layer';
  const refuse = (problem: string, cause?: unknown): SlipwayError =>
    new SlipwayError('OCI_COMPRESSION_INVALID', `cannot decompress ${what}: ${problem}`, {
      hint: 'the layer is damaged or was made by a faulty tool: build or pull the image again',
      cause,
    });
  const { start, whole } = await peek(stream, MAGIC_BYTES);
  const compression = detectCompression(start);
  if (options.only !== undefined && compression !== options.only) throw refuse(`it is not ${options.only}`);
  const plain = unpack(whole, compression, refuse, options.reuseChunks === true);
  yield* limited(plain, options.limitBytes ?? DEFAULT_LIMIT_BYTES, refuse);
}

type Refuse = (problem: string, cause?: unknown) => SlipwayError;

function unpack(
  stream: ByteStream,
  compression: Compression,
  refuse: Refuse,
  reuseChunks: boolean,
): ByteStream {
  if (compression === 'none') return stream;
  const unpacked =
    compression === 'zstd'
      ? unpackZstd(stream, refuse)
      : throughEngine(stream, createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES }), refuse);
  return reuseChunks ? freed(unpacked) : unpacked;
}

async function* unpackZstd(stream: ByteStream, refuse: Refuse): AsyncGenerator<Uint8Array, void, undefined> {
  const walker = new ZstdFrameWalker();
  const engine = createZstdDecompress({
    chunkSize: OUTPUT_CHUNK_BYTES,
    params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
  });
  yield* throughEngine(walked(stream, walker), engine, (problem, cause) =>
    refuse(walker.problem ?? problem, cause),
  );
  if (walker.problem !== undefined) throw refuse(walker.problem);
}

/** Frees what was read: left to garbage collection, it would be the greater part of what a thread that reads layers holds. */
async function* freed(unpacked: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of unpacked) {
    yield chunk;
    freeEngineChunk(chunk, OUTPUT_CHUNK_BYTES);
  }
}

async function* walked(
  stream: ByteStream,
  walker: ZstdFrameWalker,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) {
    walker.push(chunk);
    yield chunk;
  }
}

/** A small blob must not unpack to more than any image has. */
async function* limited(
  stream: ByteStream,
  limitBytes: number,
  refuse: Refuse,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sizeBytes = 0;
  for await (const chunk of stream) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw refuse(`it unpacks to more than ${limitBytes} bytes`);
    yield chunk;
  }
}

/** The first bytes of a stream, and the whole of it. Closing the whole closes the stream. */
async function peek(
  stream: ByteStream,
  length: number,
): Promise<{ readonly start: Uint8Array; readonly whole: ByteStream }> {
  const iterator = stream[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  while (heldBytes < length) {
    const next = await iterator.next();
    if (next.done === true) break;
    held.push(next.value);
    heldBytes += next.value.length;
  }
  async function* whole(): AsyncGenerator<Uint8Array, void, undefined> {
    let ended = false;
    try {
      yield* held;
      while (!ended) {
        ended = true;
        const next = await iterator.next();
        if (next.done !== true) {
          ended = false;
          yield next.value;
        }
      }
    } finally {
      if (!ended) await iterator.return?.();
    }
  }
  return { start: Buffer.concat(held).subarray(0, length), whole: whole() };
}
