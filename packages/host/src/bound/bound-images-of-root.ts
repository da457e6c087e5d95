/** What a root file system that is mounted is bound to; of an image in the store `bound-images.ts` tells it. */
import { open, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, SlipwayError } from '@slipway/core';
import { listDirectory } from '../directory.ts';
import { BOUND_DIRECTORY, quadletImage } from './bound-images.ts';

const MAX_BOUND = 1000;
const MAX_BYTES = 256 * 1024;

/**
 * The images the quadlets of a root name, each once, sorted.
 *
 * @throws SlipwayError BOUND_IMAGE_INVALID, naming the file
 */
export async function boundImagesOfRoot(root: string): Promise<readonly string[]> {
  const names = await listDirectory(join(root, BOUND_DIRECTORY));
  if (names.length > MAX_BOUND) throw invalid(BOUND_DIRECTORY, `it holds more than ${MAX_BOUND} files`);
  const images: string[] = [];
  for (const name of names) {
    const path = join(BOUND_DIRECTORY, name);
    images.push(quadletImage(await readQuadlet(root, path), path));
  }
  return [...new Set(images)].toSorted();
}

/** The links of an image are absolute, and mean its own root. */
async function readQuadlet(root: string, path: string): Promise<string> {
  try {
    const target = await readlink(join(root, path));
    const place = target.startsWith('/') ? join(root, target) : join(root, BOUND_DIRECTORY, target);
    await using handle = await open(place, 'r');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0);
    if (bytesRead > MAX_BYTES) throw invalid(path, 'it is too long for a quadlet');
    return buffer.toString('utf8', 0, bytesRead);
  } catch (thrown) {
    if (errnoOf(thrown) === 'EINVAL') throw invalid(path, 'it is not a symbolic link');
    if (errnoOf(thrown) === 'ENOENT') throw invalid(path, 'it leads to no file');
    throw thrown;
  }
}

function invalid(path: string, why: string): SlipwayError {
  return new SlipwayError('BOUND_IMAGE_INVALID', `cannot read ${path}: ${why}`, { details: { path } });
}
