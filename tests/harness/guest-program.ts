/** A program of this project for a guest that has nothing: Node with its libraries, the addon, and the program in one file. */
import { cp, mkdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from '@slipway/core';
import { build } from 'rolldown';
import { ROOT } from './slipway.ts';

/** Writes Node and a bundled program, `guest.mjs`, into a directory. */
export async function writeGuestProgram(source: string, directory: string): Promise<void> {
  await mkdir(join(directory, 'lib'), { recursive: true });
  await cp(process.execPath, join(directory, 'node'));
  const { stdout } = await run(['ldd', process.execPath], { describe: 'find the libraries of node' });
  for (const [path] of stdout.toString().matchAll(/\/\S+/g)) {
    await cp(path, join(directory, 'lib', basename(path)), { dereference: true });
    if (basename(path).startsWith('ld-linux')) await symlink(basename(path), join(directory, 'lib/loader'));
  }
  await build({
    input: source,
    platform: 'node',
    output: { file: join(directory, 'guest.mjs'), codeSplitting: false },
  });
  await cp(
    join(ROOT, `packages/linux/native/build/linux-${process.arch}.node`),
    join(directory, 'linux.node'),
  );
}

/** How the program is started in the guest, from where its directory is mounted. */
export function guestCommand(mountedAt: string, ...args: readonly string[]): string {
  return `${mountedAt}/lib/loader --library-path ${mountedAt}/lib ${mountedAt}/node ${mountedAt}/guest.mjs ${args.join(' ')}`;
}
