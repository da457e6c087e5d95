import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory that is gone when its owner is: `await using dir = await makeTempDir('pull')`. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes an empty directory only this user can enter.
 *
 * @param purpose part of its name, for whoever finds one left by a killed process
 * @param parent where to make it; the same file system as the target when its files will be renamed or linked away
 */
export async function makeTempDir(purpose: string, parent: string = tmpdir()): Promise<TempDir> {
  const path = await mkdtemp(join(parent, `slipway-${purpose}-`));
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** The same for whole images, in `TMPDIR` or `/var/tmp`: where `/tmp` is memory they do not belong there (file-hierarchy(7)). */
export async function makeLargeTempDir(purpose: string): Promise<TempDir> {
  const chosen = process.env['TMPDIR'];
  return await makeTempDir(purpose, chosen === undefined || chosen === '' ? '/var/tmp' : chosen);
}
