import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { isSlipwayError, SlipwayError } from '@slipway/core';
import { IMAGE_LIMIT_BYTES } from '../erofs/format.ts';
import { type ErofsContents, readErofsContents } from '../erofs/reader.ts';
import { ioError } from '../repository/io-error.ts';

/** An image and what it says. */
export interface ImageFile extends ErofsContents {
  readonly bytes: Buffer;
}

/**
 * Reads an image file, as hostile as it may be.
 *
 * @throws SlipwayError EROFS_INVALID naming the file and the offset, IO_FAILED when it cannot be read, is no regular file or
 *   longer than 2 GiB
 */
export async function readImageFile(path: string): Promise<ImageFile> {
  const bytes = await bytesOf(path);
  try {
    return { bytes, ...readErofsContents(bytes) };
  } catch (cause) {
    if (!isSlipwayError(cause, 'EROFS_INVALID')) throw cause;
    throw new SlipwayError('EROFS_INVALID', cause.message.replace('the image', path), {
      details: { ...cause.details, path },
      cause,
    });
  }
}

async function bytesOf(path: string): Promise<Buffer> {
  try {
    // Without O_NONBLOCK, a fifo would keep us waiting for someone to open its other end.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) throw notReadable(path, 'not a regular file');
    if (stats.size > IMAGE_LIMIT_BYTES) throw notReadable(path, `${stats.size} bytes are too many`);
    return await file.readFile();
  } catch (cause) {
    throw ioError(`read ${path}`, path, cause);
  }
}

function notReadable(path: string, why: string): SlipwayError {
  return new SlipwayError('IO_FAILED', `cannot read ${path}: ${why}`, { details: { path } });
}
