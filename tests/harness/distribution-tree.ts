import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { run } from '@slipway/core';
import { exclusively } from './exclusively.ts';
import { CACHE } from './slipway.ts';

/** A release of Debian whose tree tests look at. */
export type Suite = 'bookworm' | 'trixie' | 'sid';

/** What every installation has, and what brings many kinds of files. */
const PACKAGES =
  'apt,bash,base-files,bsdutils,coreutils,dash,debianutils,diffutils,dpkg,findutils,grep,gzip,hostname,init,iproute2,libc-bin,' +
  'login,mawk,mount,ncurses-base,ncurses-bin,passwd,perl,sed,systemd,sysvinit-utils,tar,tzdata,udev,util-linux';

/**
 * The tree of a small Debian of this release, nine thousand files as its packages unpack. The first time takes about fifteen seconds
 * and a Debian mirror.
 */
export async function distributionTree(suite: Suite): Promise<string> {
  const path = `${CACHE}/tree-${suite}`;
  await exclusively(`tree-${suite}`, () => unpackOnce(suite, path));
  return path;
}

async function unpackOnce(suite: Suite, path: string): Promise<void> {
  if (existsSync(path)) return;
  const unfinished = `${path}.${process.pid}`;
  await run(
    [
      'mmdebstrap',
      '--variant=extract',
      `--include=${PACKAGES}`,
      '--aptopt=Acquire::Check-Valid-Until "false"',
      suite,
      unfinished,
    ],
    { describe: `unpack a Debian ${suite}`, debianPackage: 'mmdebstrap' },
  );
  await rename(unfinished, path);
}
