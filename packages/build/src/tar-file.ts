import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ByteStream } from '@slipway/core';

/** Writes a stream to a new file, to its end. */
export async function writeTarFile(path: string, stream: ByteStream): Promise<void> {
  await pipeline(Readable.from(stream), createWriteStream(path, { flags: 'wx' }));
}
