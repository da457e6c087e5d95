import { delimiter } from 'node:path';
import { type OperationOptions, operation, run } from '@slipway/core';
import type { RootFileSystem } from '../request.ts';

/** A root file system that a program of its own makes. */
export type MadeFileSystem = Exclude<RootFileSystem, 'ext4'>;

interface Maker {
  readonly program: string;
  readonly version: string;
  readonly debianPackage: string;
}

const MAKERS: Readonly<Record<MadeFileSystem, Maker>> = {
  btrfs: { program: 'mkfs.btrfs', version: '--version', debianPackage: 'btrfs-progs' },
  xfs: { program: 'mkfs.xfs', version: '-V', debianPackage: 'xfsprogs' },
};

/** Where these programs are, which not every user looks. */
const SYSTEM_DIRECTORIES: readonly string[] = ['/usr/sbin', '/sbin'];

/**
 * Asks whether a root of this kind can be made on this machine at all.
 *
 * @throws SlipwayError TOOL_MISSING with the package that has what is missing
 */
export async function requireMaker(
  fileSystem: RootFileSystem,
  options: OperationOptions = {},
): Promise<void> {
  if (fileSystem === 'ext4') return;
  const { program, version } = MAKERS[fileSystem];
  await runMaker(fileSystem, [program, version], `make a root of ${fileSystem}`, options);
}

/**
 * Runs one of the programs of a file system.
 *
 * @throws SlipwayError TOOL_MISSING, TOOL_FAILED with what it says
 */
export async function runMaker(
  fileSystem: MadeFileSystem,
  argv: readonly [string, ...string[]],
  describe: string,
  options: OperationOptions,
): Promise<void> {
  const { signal, log } = operation(options);
  const directories = [process.env['PATH'] ?? '', ...SYSTEM_DIRECTORIES].filter((each) => each !== '');
  await run(argv, {
    describe,
    debianPackage: MAKERS[fileSystem].debianPackage,
    env: { PATH: directories.join(delimiter) },
    signal,
    log,
  });
}
