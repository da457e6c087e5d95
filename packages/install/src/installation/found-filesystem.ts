import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, type OperationOptions, operation, run, SlipwayError } from '@slipway/core';
import { enableVerity } from '@slipway/linux';
import * as z from 'zod';

/** A file system that is mounted. */
export interface MountedFileSystem {
  readonly mountpoint: string;
  /** `/dev/vda2`, without a subvolume. */
  readonly source: string;
  readonly fileSystem: string;
  readonly uuid: string | undefined;
  readonly isReadOnly: boolean;
  /** Of btrfs, the one that is mounted, unless it is the top. */
  readonly subvolume: string | undefined;
}

const ANSWER = z.object({
  filesystems: z.array(
    z.object({
      target: z.string(),
      source: z.string(),
      fstype: z.string(),
      uuid: z.string().nullish(),
      options: z.string(),
      fsroot: z.string().nullish(),
    }),
  ),
});

/**
 * The file system mounted at exactly this directory; undefined where none is.
 *
 * @throws SlipwayError TOOL_MISSING, TOOL_FAILED
 */
export async function mountedAt(
  path: string,
  options: OperationOptions,
): Promise<MountedFileSystem | undefined> {
  const columns = 'TARGET,SOURCE,FSTYPE,UUID,OPTIONS,FSROOT';
  const { stdout, exitCode } = await run(
    ['findmnt', '--json', '--nofsroot', '--output', columns, '--mountpoint', path],
    {
      describe: `look at what is mounted at ${path}`,
      debianPackage: 'util-linux',
      allowExitCodes: [1],
      signal: operation(options).signal,
    },
  );
  return exitCode === 1 ? undefined : parseFindmnt(stdout.toString('utf8'));
}

/** @throws SlipwayError TOOL_FAILED when it is not what findmnt prints */
export function parseFindmnt(text: string): MountedFileSystem | undefined {
  const parsed = ANSWER.safeParse(JSON.parse(text));
  if (!parsed.success) throw new SlipwayError('TOOL_FAILED', 'cannot understand what findmnt says of mounts');
  // The last one covers the others.
  const found = parsed.data.filesystems.at(-1);
  if (found === undefined) return undefined;
  const { target, source, fstype, uuid, options, fsroot } = found;
  return {
    mountpoint: target,
    source,
    fileSystem: fstype,
    uuid: uuid ?? undefined,
    isReadOnly: options.split(',').includes('ro'),
    subvolume:
      fstype === 'btrfs' && fsroot !== null && fsroot !== undefined && fsroot !== '/'
        ? fsroot.slice(1)
        : undefined,
  };
}

/** Asks by sealing a file whether a file system has fs-verity; nothing of it stays. @throws SlipwayError IO_FAILED */
export async function canSeal(directory: string): Promise<boolean> {
  const path = join(directory, `.slipway-verity-${process.pid}`);
  try {
    const writing = await open(path, 'wx', 0o600);
    await writing.write('probe');
    await writing.close();
    const reading = await open(path, 'r');
    try {
      await enableVerity(reading.fd, 'sha256');
      return true;
    } finally {
      await reading.close();
    }
  } catch (cause) {
    if (['ENOTSUP', 'EOPNOTSUPP', 'ENOTTY', 'EINVAL'].includes(errnoOf(cause) ?? '')) return false;
    throw new SlipwayError('IO_FAILED', `cannot write to ${directory}: ${messageOf(cause)}`, { cause });
  } finally {
    await rm(path, { force: true });
  }
}

/** What stands in the root of a file system besides what every new one has and what others are mounted at. */
export async function foundEntries(
  path: string,
  mountpoints: ReadonlySet<string>,
): Promise<readonly string[]> {
  const names = await readdir(path).catch((cause: unknown) => {
    throw new SlipwayError('IO_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  });
  return names.filter((name) => name !== 'lost+found' && !mountpoints.has(join(path, name))).toSorted();
}
