/**
 * Reference tools this Debian does not package, unpacked once under build/cache with the libraries they need and started through their
 * own dynamic loader: nothing is installed.
 */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { arch } from 'node:process';
import { run } from '@slipway/core';
import { exclusively } from './exclusively.ts';
import { CACHE } from './slipway.ts';

/** Packages of one release. */
export interface UnpackedPackages {
  /** Directory below build/cache. */
  readonly name: string;
  readonly suite: string;
  readonly packages: readonly string[];
}

/** Where Debian has the loader and the libraries, by architecture of this process. */
const LOADERS: Readonly<Record<string, { readonly loader: string; readonly libraries: string }>> = {
  x64: { loader: 'usr/lib64/ld-linux-x86-64.so.2', libraries: 'usr/lib/x86_64-linux-gnu' },
  arm64: { loader: 'usr/lib/ld-linux-aarch64.so.1', libraries: 'usr/lib/aarch64-linux-gnu' },
};

/** Gets the packages; the first time takes about ten seconds and a Debian mirror. */
export async function unpackPackages(wanted: UnpackedPackages): Promise<void> {
  await exclusively(wanted.name, () => unpackOnce(wanted));
}

async function unpackOnce({ name, suite, packages }: UnpackedPackages): Promise<void> {
  const root = `${CACHE}/${name}`;
  if (existsSync(root)) return;
  const unfinished = `${root}.${process.pid}`;
  await run(
    [
      'mmdebstrap',
      '--variant=extract',
      `--include=${packages.join(',')}`,
      '--aptopt=Acquire::Check-Valid-Until "false"',
      suite,
      unfinished,
    ],
    { describe: `unpack ${packages.join(', ')} of ${suite}`, debianPackage: 'mmdebstrap' },
  );
  // Only programs and libraries are started.
  await rm(`${unfinished}/usr/share`, { recursive: true, force: true });
  await rm(root, { recursive: true, force: true });
  await rename(unfinished, root);
}

/** What to run for a program of unpacked packages. */
export function unpackedCommand(
  { name }: UnpackedPackages,
  program: string,
  args: readonly string[],
): readonly [string, ...string[]] {
  const paths = LOADERS[arch];
  if (paths === undefined) throw new Error(`no reference tools for ${arch}`);
  const root = `${CACHE}/${name}`;
  return [
    `${root}/${paths.loader}`,
    '--library-path',
    `${root}/${paths.libraries}`,
    `${root}/usr/bin/${program}`,
    ...args,
  ];
}
