import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, type OperationOptions, SlipwayError } from '@slipway/core';
import { canSeal, foundEntries, type MountedFileSystem, mountedAt } from './found-filesystem.ts';
import type { FilesystemInstallRequest } from './request.ts';

/** File systems as they were found. */
export interface FoundPlace {
  readonly root: MountedFileSystem;
  readonly boot: MountedFileSystem;
  /** What stands in the root already. */
  readonly entries: readonly string[];
  /** What stands on the boot partition already. */
  readonly bootEntries: readonly string[];
  readonly isSealed: boolean;
}

/** Where the boot partition may be mounted below the root, as installers do it. */
export const BOOT_PLACES = ['boot/efi', 'efi', 'boot'] as const;

/**
 * Looks at what is mounted at a directory and below it.
 *
 * @throws SlipwayError DISK_NOT_FOUND, DISK_UNSUITABLE where root or boot partition are missing
 */
export async function findPlace(path: string, options: OperationOptions): Promise<FoundPlace> {
  const real = await realpath(path).catch((cause: unknown) => {
    throw new SlipwayError('DISK_NOT_FOUND', `cannot install to ${path}: ${messageOf(cause)}`, { cause });
  });
  const root = await mountedAt(real, options);
  if (root === undefined)
    throw unsuitable(path, 'no file system is mounted there', 'mount the root of the new host there first');
  let boot: MountedFileSystem | undefined;
  for (const at of BOOT_PLACES) {
    const found = await mountedAt(join(real, at), options);
    if (found?.fileSystem === 'vfat') boot ??= found;
  }
  if (boot === undefined) {
    throw unsuitable(
      path,
      'no boot partition is mounted below it',
      'mount an EFI system partition (vfat) at boot, efi or boot/efi below it',
    );
  }
  const mountpoints = new Set(BOOT_PLACES.map((at) => join(real, at.split('/')[0] ?? '')));
  return {
    root,
    boot,
    entries: await foundEntries(real, mountpoints),
    bootEntries: await foundEntries(boot.mountpoint, new Set()),
    isSealed: root.isReadOnly ? true : await canSeal(real),
  };
}

/** Whether nothing is lost that nobody said may be lost. @throws SlipwayError DISK_UNSUITABLE, DISK_NOT_EMPTY, USAGE */
export function refusePlace(
  { root, boot, entries }: FoundPlace,
  {
    path,
    replace,
    acknowledgesDestruction,
  }: Pick<FilesystemInstallRequest, 'path' | 'replace' | 'acknowledgesDestruction'>,
): void {
  const readOnly = [root, boot].find(({ isReadOnly }) => isReadOnly);
  if (readOnly !== undefined)
    throw unsuitable(
      path,
      `${readOnly.mountpoint} is mounted read-only`,
      'mount it for writing: mount -o remount,rw',
    );
  if (entries.length > 0 && replace === undefined) {
    throw new SlipwayError('DISK_NOT_EMPTY', `cannot install to ${path}: it is not empty`, {
      findings: entries.slice(0, 20).map((name) => join(path, name)),
      hint: '--replace wipe removes everything there, --replace alongside keeps it beside the new host',
      details: { path },
    });
  }
  if (replace !== undefined && !acknowledgesDestruction) {
    throw new SlipwayError('USAGE', `cannot replace what is in ${path}: that cannot be undone`, {
      hint: 'give --acknowledge-destructive as well',
    });
  }
}

function unsuitable(path: string, why: string, hint: string): SlipwayError {
  return new SlipwayError('DISK_UNSUITABLE', `cannot install to ${path}: ${why}`, {
    hint,
    details: { path },
  });
}
