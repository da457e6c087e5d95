import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes a symbolic link under another name and renames it, so that what it replaces is there until then. A power cut leaves the old link, the
 * new one, or one in the temporary directory that garbage collection removes. What the operating system says is thrown as it is.
 */
export function replaceLink(tempDirectory: string, target: string, path: string): void {
  const temp = join(tempDirectory, `${process.pid}-${randomBytes(8).toString('hex')}`);
  try {
    mkdirSync(tempDirectory, { recursive: true, mode: 0o700 });
    symlinkSync(target, temp);
    renameSync(temp, path);
  } catch (cause) {
    rmSync(temp, { force: true });
    throw cause;
  }
}
