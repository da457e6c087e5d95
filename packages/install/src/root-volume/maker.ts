import { delimiter } from 'node:path';
import { type Operation, type OperationOptions, operation, type ProgressTask, run } from '@slipway/core';
import type { DiskDirectory } from '@slipway/disk';
import type { RootFileSystem } from '../request.ts';

/** A root file system that a program of its own makes. */
export type MadeFileSystem = Exclude<RootFileSystem, 'ext4'>;

/** A root another program makes. */
export interface MadeVolume {
  readonly fileSystem: MadeFileSystem;
  readonly tree: DiskDirectory;
  readonly uuid: string;
  readonly label: string;
  readonly sizeBytes: number;
}

/** Where a root is made, and who hears of it. */
export interface Making {
  /** Of a sparse file as large as the file system becomes. */
  readonly path: string;
  /** For a copy of the tree. */
  readonly directory: string;
  readonly task: ProgressTask;
  readonly operation: Operation;
}

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
 * @param directories looked in besides those of the user
 * @throws SlipwayError TOOL_MISSING with the package that has what is missing
 */
export async function requireMaker(
  fileSystem: RootFileSystem,
  options: OperationOptions = {},
  directories: readonly string[] = SYSTEM_DIRECTORIES,
): Promise<void> {
  if (fileSystem === 'ext4') return;
  const { program, version } = MAKERS[fileSystem];
  await runMaker(
    fileSystem,
    [program, version],
    { describe: `make a root of ${fileSystem}`, ...options },
    directories,
  );
}

/**
 * Runs one of the programs of a file system.
 *
 * @throws SlipwayError TOOL_MISSING, TOOL_FAILED with what it says
 */
export async function runMaker(
  fileSystem: MadeFileSystem,
  argv: readonly [string, ...string[]],
  { describe, cwd, ...options }: OperationOptions & { readonly describe: string; readonly cwd?: string },
  directories: readonly string[] = SYSTEM_DIRECTORIES,
): Promise<void> {
  const { signal, log } = operation(options);
  const searched = [process.env['PATH'] ?? '', ...directories].filter((each) => each !== '');
  await run(argv, {
    describe,
    debianPackage: MAKERS[fileSystem].debianPackage,
    env: { PATH: searched.join(delimiter) },
    signal,
    log,
    ...(cwd === undefined ? {} : { cwd }),
  });
}
