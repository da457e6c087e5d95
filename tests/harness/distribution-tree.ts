import { alpineTree } from './alpine-tree.ts';
import { type UbuntuSuite, ubuntuArchive } from './ubuntu-archive.ts';
import { unpackPackages } from './unpacked-packages.ts';

/** A release of Debian or Ubuntu, or Alpine, whose tree tests look at. */
export type Suite = 'bookworm' | 'trixie' | 'sid' | UbuntuSuite | 'alpine';

const UBUNTU: ReadonlySet<Suite> = new Set<UbuntuSuite>(['jammy', 'noble']);

/** What every installation has, and what brings many kinds of files. */
const PACKAGES =
  'apt,bash,base-files,bsdutils,coreutils,dash,debianutils,diffutils,dpkg,findutils,grep,gzip,hostname,init,iproute2,libc-bin,' +
  'login,mawk,mount,ncurses-base,ncurses-bin,passwd,perl,sed,systemd,sysvinit-utils,tar,tzdata,udev,util-linux';

/**
 * The tree of a small system of this release, thousands of files as its packages unpack. The first time takes about fifteen seconds
 * and a mirror.
 */
export async function distributionTree(suite: Suite): Promise<string> {
  if (suite === 'alpine') return await alpineTree();
  const asUnpacked = async (): Promise<void> => {};
  return await unpackPackages({
    name: `tree-${suite}`,
    suite,
    packages: PACKAGES.split(','),
    ...(UBUNTU.has(suite) ? { archive: await ubuntuArchive() } : {}),
    finish: asUnpacked,
  });
}
