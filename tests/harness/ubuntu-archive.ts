/**
 * Ubuntu, where the machine's mirror has it: beside Debian, as mirrors of both do. Its releases are signed with keys that a package of
 * Debian brings.
 */
import { join } from 'node:path';
import { arch } from 'node:process';
import { makeTempDir, run } from '@slipway/core';
import { readAptSettings } from '../../packages/build/src/apt-settings.ts';
import { type PackageArchive, unpackPackages } from './unpacked-packages.ts';

/** A release of Ubuntu whose tree tests look at. */
export type UbuntuSuite = 'jammy' | 'noble';

/** What the mirror has of the releases. */
export interface UbuntuReleases {
  readonly there: readonly UbuntuSuite[];
  /** The others, of which the mirror says that it does not have them. */
  readonly missing: readonly UbuntuSuite[];
}

/**
 * Asks the mirror for the releases.
 *
 * @throws Error when it gives no answer, which says nothing of what it has
 */
export async function findUbuntuReleases(suites: readonly UbuntuSuite[]): Promise<UbuntuReleases> {
  const uri = await archiveUri();
  const there: UbuntuSuite[] = [];
  for (const suite of uri === undefined ? [] : suites) {
    if (await hasFile(`${uri}/dists/${suite}/InRelease`)) there.push(suite);
  }
  return { there, missing: suites.filter((suite) => !there.includes(suite)) };
}

/** Where to get packages of Ubuntu. */
export async function ubuntuArchive(): Promise<PackageArchive> {
  const uri = await archiveUri();
  if (uri === undefined) throw new Error('the mirror of this machine is none of Debian');
  const keyring = await unpackPackages({
    name: 'ubuntu-keyring',
    suite: 'trixie',
    packages: ['ubuntu-keyring'],
    finish: async () => {},
  });
  return { uri, keyring: join(keyring, 'usr/share/keyrings/ubuntu-archive-keyring.gpg') };
}

/** Ubuntu keeps what is not for PCs apart. */
async function archiveUri(): Promise<string | undefined> {
  const { mirror } = await readAptSettings();
  const beside = /^(?<host>.*\/)debian\/?$/.exec(mirror?.main ?? '')?.groups?.['host'];
  return beside === undefined ? undefined : `${beside}${arch === 'x64' ? 'ubuntu' : 'ubuntu-ports'}`;
}

/** An answer that refuses the address itself, not this one request for it. */
const HAS_NOT = /\b4(?!07|08|29)\d\d {2}/;

/** By apt's own downloader, which knows how this machine reaches its mirror. */
async function hasFile(uri: string): Promise<boolean> {
  await using temp = await makeTempDir('ubuntu');
  const argv = ['/usr/lib/apt/apt-helper', 'download-file', uri, join(temp.path, 'file')] as const;
  const { exitCode, stderr } = await run(argv, { describe: `look for ${uri}`, allowExitCodes: [100] });
  if (exitCode === 0) return true;
  if (HAS_NOT.test(stderr)) return false;
  throw new Error(`the mirror does not say whether it has Ubuntu: ${stderr.trim()}`);
}
