import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ByteStream, SlipwayError } from '@slipway/core';
import { INLINE_LIMIT_BYTES } from '../import/layer-entry.ts';
import { ioError } from '../repository/io-error.ts';
import type { FileContent } from '../tree.ts';
import type { VerityAlgorithm } from '../verity/algorithm.ts';
import { measureBytes, measureStream } from '../verity/measure.ts';

/** Where bodies too large to be inline go; a `Store` is one. */
export interface ObjectSink {
  readonly algorithm: VerityAlgorithm;
  putObject(
    content: Uint8Array | ByteStream,
  ): Promise<{ readonly digest: string; readonly sizeBytes: number }>;
}

/** Read at once and in one piece: most files are far smaller. */
const PIECE_BYTES = 1024 * 1024;

/**
 * The content of a regular file: inline up to 64 bytes as `mkcomposefs` has it, else its digest, and its bytes in
 * `sink` if there is one.
 *
 * @throws SlipwayError IO_FAILED when it cannot be read, or changes meanwhile
 */
export async function readBody(
  path: Buffer,
  algorithm: VerityAlgorithm,
  sink: ObjectSink | undefined,
): Promise<FileContent> {
  const name = path.toString('utf8');
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw ioError(`read ${name}`, name, cause);
  }
  try {
    const { size } = fstatSync(fd);
    if (size > PIECE_BYTES) return await largeBody(fd, size, name, algorithm, sink);
    const bytes = wholeBody(fd, size, name);
    if (size <= INLINE_LIMIT_BYTES) return { kind: 'inline', bytes };
    if (sink === undefined)
      return { kind: 'object', sizeBytes: size, digest: measureBytes(bytes, algorithm) };
    const { digest } = await sink.putObject(bytes);
    return { kind: 'object', sizeBytes: size, digest: Buffer.from(digest, 'hex') };
  } finally {
    closeSync(fd);
  }
}

function wholeBody(fd: number, size: number, name: string): Buffer {
  // One byte more than there should be tells a file that grows from one that does not.
  const bytes = Buffer.allocUnsafeSlow(size + 1);
  let filled = 0;
  for (let got = -1; got !== 0 && filled < bytes.length; filled += got)
    got = readPiece(fd, bytes, filled, name);
  if (filled !== size) throw changed(name);
  return bytes.subarray(0, size);
}

async function largeBody(
  fd: number,
  size: number,
  name: string,
  algorithm: VerityAlgorithm,
  sink: ObjectSink | undefined,
): Promise<FileContent> {
  const stream = pieces(fd, name);
  if (sink === undefined) {
    const { digest, sizeBytes } = await measureStream(stream, algorithm);
    if (sizeBytes !== size) throw changed(name);
    return { kind: 'object', sizeBytes, digest };
  }
  const { digest, sizeBytes } = await sink.putObject(stream);
  if (sizeBytes !== size) throw changed(name);
  return { kind: 'object', sizeBytes, digest: Buffer.from(digest, 'hex') };
}

/** The file from its start; each piece is a new buffer, and others get a turn between two. */
async function* pieces(fd: number, name: string): AsyncGenerator<Uint8Array> {
  for (;;) {
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    const got = readPiece(fd, piece, 0, name);
    if (got === 0) return;
    yield piece.subarray(0, got);
    await nextTurn();
  }
}

function readPiece(fd: number, into: Buffer, offset: number, name: string): number {
  try {
    return readSync(fd, into, offset, into.length - offset, null);
  } catch (cause) {
    throw ioError(`read ${name}`, name, cause);
  }
}

function changed(path: string): SlipwayError {
  return new SlipwayError('IO_FAILED', `cannot read ${path}: it changed meanwhile`, { details: { path } });
}
