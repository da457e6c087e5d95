/**
 * Ubuntu, where the machine's mirror has it beside Debian. Its releases are signed with keys that a package of Debian brings.
 */
import { join } from 'node:path';
import { arch } from 'node:process';
import { makeTempDir } from '@slipway/core';
import { besideDebian, downloadFromMirror } from './debian-mirror.ts';
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
    if (await hasRelease(`${uri}/dists/${suite}/InRelease`)) there.push(suite);
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
function archiveUri(): Promise<string | undefined> {
  return besideDebian(arch === 'x64' ? 'ubuntu' : 'ubuntu-ports');
}

async function hasRelease(uri: string): Promise<boolean> {
  await using temp = await makeTempDir('ubuntu');
  return await downloadFromMirror({ uri, path: join(temp.path, 'file') });
}
