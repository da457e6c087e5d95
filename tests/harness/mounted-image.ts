import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@slipway/core';

/** An image as a booting host mounts it. */
export interface MountedImage extends AsyncDisposable {
  readonly path: string;
}

/**
 * Mounts EROFS from the image file, and over it an overlay whose data comes from an object store. Needs root.
 *
 * @param at a directory for the places it is mounted at
 */
export async function mountImage(image: string, objects: string, at: string): Promise<MountedImage> {
  const lower = join(at, 'lower');
  const merged = join(at, 'merged');
  for (const path of [lower, merged]) await mkdir(path, { recursive: true });
  await using undo = new AsyncDisposableStack();
  await run(['mount', '-t', 'erofs', '-o', 'ro', image, lower], { describe: 'mount the image' });
  undo.defer(() => unmount(lower));
  const options = `ro,metacopy=on,redirect_dir=on,lowerdir=${lower}::${objects}`;
  await run(['mount', '-t', 'overlay', '-o', options, 'overlay', merged], { describe: 'mount the overlay' });
  undo.defer(() => unmount(merged));
  const kept = undo.move();
  return { path: merged, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function unmount(path: string): Promise<void> {
  await run(['umount', path], { describe: `unmount ${path}` });
}
