import { randomUUID } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, type OperationOptions, operation, SlipwayError } from '@slipway/core';
import { ownKernelArguments } from '../check-request.ts';
import { type ExtraPartition, PLAIN_STORAGE, sizingOf } from '../storage/request.ts';
import { executeSteps } from './execute.ts';
import { canSeal, foundEntries, type MountedFileSystem, mountedAt } from './found-filesystem.ts';
import { fetchHost, type InstallRecord, recordOf } from './install-to-disk.ts';
import type { FilesystemInstallRequest } from './request.ts';
import type { InstallStep } from './step.ts';

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
const BOOT_PLACES = ['boot/efi', 'efi', 'boot'] as const;

/**
 * Installs an image into file systems that are made and mounted: the root at `path`, the boot partition below it.
 *
 * The boot entry is written last: until then whatever booted before still does.
 *
 * @throws SlipwayError DISK_UNSUITABLE, DISK_NOT_EMPTY, TARGET_UNREACHABLE, what preparing a host throws; IO_FAILED, DISK_NO_SPACE
 */
export async function installToFilesystem(
  request: FilesystemInstallRequest,
  { dryRun, ...options }: OperationOptions & { readonly dryRun: boolean },
): Promise<InstallRecord> {
  ownKernelArguments(request);
  refuseStorage(request);
  const place = await findPlace(request.path, options);
  refusePlace(place, request);
  const isSealed = place.isSealed;
  const extras = bootLine(request.bootMountSpec);
  const own = {
    ...request,
    identity: randomUUID(),
    root: {
      kernelArguments: rootArguments(place.root, request.rootMountSpec),
      isSealed,
      storage: { ...PLAIN_STORAGE, extras },
      crypttab: '',
    },
  };
  await using host = await fetchHost(own, options);
  const steps = planFilesystem(place, request);
  if (!dryRun) {
    if (!isSealed)
      operation(options).log.warn(
        `${place.root.fileSystem} at ${request.path} has no fs-verity: files are not sealed`,
      );
    await using opened = new AsyncDisposableStack();
    await executeSteps(steps, {
      host,
      architecture: request.architecture,
      disk: undefined,
      isSealed,
      directory: '/',
      passphrases: new Map(),
      recoveryKeys: new Map(),
      scripts: [],
      opened,
      operation: operation(options),
    });
  }
  return recordOf(request, host, {
    destination: request.path,
    steps,
    done: !dryRun,
    recoveryKeys: new Map(),
  });
}

async function findPlace(path: string, options: OperationOptions): Promise<FoundPlace> {
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

/** The steps of such an installation. */
export function planFilesystem(
  { root, boot, entries, bootEntries }: FoundPlace,
  { replace, skipsFinalize }: Pick<FilesystemInstallRequest, 'replace' | 'skipsFinalize'>,
): readonly InstallStep[] {
  const at = ({ mountpoint }: MountedFileSystem, names: readonly string[]): readonly string[] =>
    names.map((name) => join(mountpoint, name));
  const removed = [
    ...(replace === 'wipe' ? at(root, entries) : []),
    // What is left of the old system is not started any more.
    ...(replace === undefined ? [] : at(boot, bootEntries)),
  ];
  return [
    ...(removed.length === 0 ? [] : [{ kind: 'remove', paths: removed } as const]),
    { kind: 'write-host', root: root.mountpoint, boot: boot.mountpoint },
    ...(skipsFinalize ? [] : [{ kind: 'finalize', paths: [root.mountpoint, boot.mountpoint] } as const]),
  ];
}

/** What finds the root: as it was asked for, nothing where that is empty, else by UUID. */
export function rootArguments(
  { uuid, source, subvolume }: MountedFileSystem,
  spec: string | undefined,
): string {
  const root = spec ?? (uuid === undefined ? source : `UUID=${uuid}`);
  const flags = subvolume === undefined ? '' : ` rootflags=subvol=${subvolume}`;
  return `${root === '' ? '' : `root=${root} `}rw${flags}`;
}

/** The boot partition is found by what the boot loader says of itself; a line only where somebody wants one. */
function bootLine(spec: string | undefined): readonly ExtraPartition[] {
  if (spec === undefined || spec === '') return [];
  return [
    {
      uuid: 'boot',
      type: '',
      partitionLabel: '',
      fileSystem: 'vfat',
      source: spec,
      fileSystemUuid: '',
      fileSystemLabel: undefined,
      mountpoint: '/boot',
      mountOptions: 'umask=0077',
      sizing: sizingOf({}),
    },
  ];
}

function unsuitable(path: string, why: string, hint: string): SlipwayError {
  return new SlipwayError('DISK_UNSUITABLE', `cannot install to ${path}: ${why}`, {
    hint,
    details: { path },
  });
}

/** What makes partitions has nothing to do here. */
function refuseStorage({ config, path }: FilesystemInstallRequest): void {
  const { disk, filesystem, swap } = config?.config.customizations ?? {};
  const asked = Object.entries({ disk, filesystem, swap }).filter(([, value]) => value !== undefined);
  if (asked.length === 0) return;
  throw new SlipwayError('CONFIG_INVALID', `cannot install to ${path}: the configuration describes storage`, {
    findings: asked.map(([name]) => `customizations.${name}`),
    hint: 'leave it out: the file systems are there already; slipway install to-disk makes some',
  });
}
