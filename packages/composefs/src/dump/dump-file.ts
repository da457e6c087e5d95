import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { TreeWithFacts } from '../erofs/facts.ts';
import { ioError } from '../repository/io-error.ts';
import { readDump } from './parser.ts';

const PIECE_BYTES = 256 * 1024;

/**
 * Reads a dump from a file, or from anything with a name: `/dev/stdin` is standard input.
 *
 * @throws SlipwayError DUMP_INVALID with the number of the line, IO_FAILED when it cannot be read
 */
export async function readDumpFile(path: string): Promise<TreeWithFacts> {
  try {
    await using file = await open(path);
    return await readDump(piecesOf(file));
  } catch (cause) {
    throw ioError(`read ${path}`, path, cause);
  }
}

/** The parser is done with a piece before it asks for the next, so one buffer is enough. */
async function* piecesOf(file: FileHandle): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  // Only a pipe or a terminal keeps anyone waiting; asking a thread for each piece of a file takes longer than reading it.
  const isFile = (await file.stat()).isFile();
  for (;;) {
    const bytesRead = isFile
      ? readSync(file.fd, buffer, 0, buffer.length, null)
      : (await file.read(buffer, 0, buffer.length, null)).bytesRead;
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
