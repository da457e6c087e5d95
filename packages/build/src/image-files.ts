import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, SlipwayError } from '@slipway/core';

/** One file that goes from `os/` into an image. */
export interface ImageFile {
  /** Absolute, on this machine. */
  readonly source: string;
  /** In the image, without a leading slash. */
  readonly target: string;
  readonly mode: 0o644 | 0o755;
}

/** Where each part of `os/` goes. */
const PLACES: readonly { readonly from: string; readonly to: string }[] = [
  { from: 'dracut', to: 'usr/lib/dracut/modules.d' },
  { from: 'dracut.conf.d', to: 'usr/lib/dracut/dracut.conf.d' },
  { from: 'systemd', to: 'usr/lib/systemd' },
  { from: 'tmpfiles.d', to: 'usr/lib/tmpfiles.d' },
  { from: 'modprobe.d', to: 'usr/lib/modprobe.d' },
  { from: 'kargs.d', to: 'usr/lib/bootc/kargs.d' },
  { from: 'libexec', to: 'usr/libexec/slipway' },
  { from: 'sbin', to: 'usr/sbin' },
  { from: 'etc', to: 'etc' },
];

/**
 * Lists the files of `os/` with their places in an image, sorted by place. Modes are decided by what a file is, not by
 * the checkout's umask: a script (it starts with `#!`) is executable.
 *
 * @throws SlipwayError IO_FAILED when `osDir` is not the directory `os/` of Slipway
 */
export async function listImageFiles(osDir: string): Promise<readonly ImageFile[]> {
  const files: ImageFile[] = [];
  for (const place of PLACES) {
    for (const name of await filesBelow(join(osDir, place.from))) {
      const source = join(osDir, place.from, name);
      files.push({ source, target: `${place.to}/${name}`, mode: (await isScript(source)) ? 0o755 : 0o644 });
    }
  }
  return files.sort((a, b) => (a.target < b.target ? -1 : 1));
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  try {
    const names = await readdir(directory, { recursive: true });
    const files: string[] = [];
    for (const name of names) {
      if ((await stat(join(directory, name))).isFile()) files.push(name);
    }
    return files.sort();
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot read ${directory}: ${errnoOf(cause) ?? String(cause)}`, {
      hint: "the directory os/ of Slipway's sources is needed to build a base image",
      cause,
    });
  }
}

async function isScript(path: string): Promise<boolean> {
  return (await readFile(path)).subarray(0, 2).toString('latin1') === '#!';
}
