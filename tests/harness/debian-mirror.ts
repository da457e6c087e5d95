/** The mirror this machine has Debian from. Other distributions are beside it there, as mirrors of several have them. */
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { run } from '@slipway/core';
import { readAptSettings } from '../../packages/build/src/apt-settings.ts';

/** A file of the mirror. */
export interface MirrorFile {
  readonly uri: string;
  /** Where it goes; what is there already is not asked for again. */
  readonly path: string;
  /** What it has to be, in hex. Default: whatever the mirror has. */
  readonly sha256?: string;
}

/** Address of another distribution's directory, undefined where the mirror is none of Debian. */
export async function besideDebian(directory: string): Promise<string | undefined> {
  const { mirror } = await readAptSettings();
  const beside = /^(?<host>.*\/)debian\/?$/.exec(mirror?.main ?? '')?.groups?.['host'];
  return beside === undefined ? undefined : `${beside}${directory}`;
}

/** An answer that refuses the address itself, not this one request for it. */
const HAS_NOT = /\b4(?!07|08|29)\d\d {2}/;

/**
 * Gets a file by apt's own downloader, which knows how this machine reaches its mirror.
 *
 * @returns false when the mirror says that it does not have the file
 * @throws Error when it gives no answer, which says nothing of what it has, or another file than the one wanted
 */
export async function downloadFromMirror({ uri, path, sha256 }: MirrorFile): Promise<boolean> {
  if (existsSync(path)) return true;
  const unfinished = `${path}.unfinished`;
  const { exitCode, stderr } = await run(
    [
      '/usr/lib/apt/apt-helper',
      'download-file',
      uri,
      unfinished,
      ...(sha256 === undefined ? [] : [`SHA256:${sha256}`]),
    ],
    { describe: `look for ${uri}`, allowExitCodes: [100] },
  );
  if (exitCode === 0) {
    await rename(unfinished, path);
    return true;
  }
  if (HAS_NOT.test(stderr)) return false;
  throw new Error(`the mirror does not give ${uri} and does not say that it has none: ${stderr.trim()}`);
}
