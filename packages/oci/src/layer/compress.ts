import { constants, createGzip, createZstdCompress } from 'node:zlib';
import { type ByteStream, SlipwayError } from '@slipway/core';
import type { Compression } from './compression.ts';
import { throughEngine } from './zlib-engine.ts';

/** Options of {@link compress}. */
export interface CompressOptions {
  /** Default: 3 for zstd, 6 for gzip. */
  readonly level?: number;
}

const CHUNK_BYTES = 256 * 1024;
/** Byte 9 of a gzip header names the operating system; 255 is "unknown" (RFC 1952). */
const GZIP_OS_AT = 9;
const GZIP_OS_UNKNOWN = 255;

/**
 * Packs a stream. The same bytes and level give the same result with the same zlib or zstd: no time,
 * no operating system, no number of processors goes into it.
 *
 * One thread only: with ZSTD_c_nbWorkers the stream of Node 26.10 ends early and loses data.
 */
export async function* compress(
  stream: ByteStream,
  compression: Compression,
  options: CompressOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const refuse = (problem: string, cause?: unknown): SlipwayError =>
    new SlipwayError('INTERNAL', `internal error: cannot compress: ${problem}`, { cause });
  switch (compression) {
    case 'none':
      yield* stream;
      return;
    case 'gzip':
      yield* withUnknownSystem(
        throughEngine(stream, createGzip({ chunkSize: CHUNK_BYTES, level: options.level ?? 6 }), refuse),
      );
      return;
    case 'zstd':
      yield* throughEngine(
        stream,
        createZstdCompress({
          chunkSize: CHUNK_BYTES,
          params: {
            [constants.ZSTD_c_compressionLevel]: options.level ?? 3,
            [constants.ZSTD_c_checksumFlag]: 1,
          },
        }),
        refuse,
      );
      return;
  }
}

async function* withUnknownSystem(stream: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  for await (const chunk of stream) {
    const index = GZIP_OS_AT - at;
    if (index >= 0 && index < chunk.length) chunk[index] = GZIP_OS_UNKNOWN;
    at += chunk.length;
    yield chunk;
  }
}
