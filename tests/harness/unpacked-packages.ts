/**
 * Packages of whatever release of Debian, or of one made like it, unpacked once under build/cache with what they depend on: programs this Debian does not have, started
 * through their own dynamic loader, and trees to look at. Nothing is installed.
 */
import { rm } from 'node:fs/promises';
import { arch } from 'node:process';
import { run } from '@slipway/core';
import { cachedDirectory } from './cached-directory.ts';
import { CACHE } from './slipway.ts';

/** An archive that is not Debian's own. */
export interface PackageArchive {
  readonly uri: string;
  /** File of the keys its releases are signed with. */
  readonly keyring: string;
}

/** Packages of one release. */
export interface UnpackedPackages {
  /** Directory below build/cache. */
  readonly name: string;
  readonly suite: string;
  readonly packages: readonly string[];
  /** Where they are. Default: with Debian's, wherever this machine has those from. */
  readonly archive?: PackageArchive;
  /** What is done to the tree before it is there for others. Default: all but programs and libraries goes. */
  readonly finish?: (root: string) => Promise<void>;
}

/** Where Debian has the loader and the libraries, by architecture of this process. */
const LOADERS: Readonly<Record<string, { readonly loader: string; readonly libraries: string }>> = {
  x64: { loader: 'usr/lib64/ld-linux-x86-64.so.2', libraries: 'usr/lib/x86_64-linux-gnu' },
  arm64: { loader: 'usr/lib/ld-linux-aarch64.so.1', libraries: 'usr/lib/aarch64-linux-gnu' },
};

/** Gets the packages and says where they are; the first time takes ten to thirty seconds and a Debian mirror. */
export async function unpackPackages(wanted: UnpackedPackages): Promise<string> {
  return await cachedDirectory(wanted.name, (root) => unpack(wanted, root));
}

async function unpack({ suite, packages, archive, finish }: UnpackedPackages, root: string): Promise<void> {
  await run(
    [
      'mmdebstrap',
      '--variant=extract',
      `--include=${packages.join(',')}`,
      '--aptopt=Acquire::Check-Valid-Until "false"',
      ...(archive === undefined ? [] : [`--keyring=${archive.keyring}`]),
      suite,
      root,
      ...(archive === undefined ? [] : [archive.uri]),
    ],
    { describe: `unpack ${packages.join(', ')} of ${suite}`, debianPackage: 'mmdebstrap' },
  );
  await (finish ?? programsOnly)(root);
}

async function programsOnly(root: string): Promise<void> {
  await rm(`${root}/usr/share`, { recursive: true, force: true });
}

/** What to run for a program of unpacked packages. */
export function unpackedCommand(
  packages: Pick<UnpackedPackages, 'name'>,
  program: string,
  args: readonly string[],
): readonly [string, ...string[]] {
  return commandIn(rootOf(packages), `usr/bin/${program}`, args);
}

/** The same for a program of a tree that may not be finished yet. */
export function commandIn(
  root: string,
  program: string,
  args: readonly string[],
): readonly [string, ...string[]] {
  const paths = LOADERS[arch];
  if (paths === undefined) throw new Error(`no reference tools for ${arch}`);
  return [
    `${root}/${paths.loader}`,
    '--library-path',
    `${root}/${paths.libraries}`,
    `${root}/${program}`,
    ...args,
  ];
}

function rootOf({ name }: Pick<UnpackedPackages, 'name'>): string {
  return `${CACHE}/${name}`;
}
