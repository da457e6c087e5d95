import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type OperationOptions, operation, SlipwayError } from '@slipway/core';
import { ownKernelArguments } from '../check-request.ts';
import type { PreparedHost } from '../prepare-host.ts';
import { type ExtraPartition, PLAIN_STORAGE, sizingOf } from '../storage/request.ts';
import { executeSteps } from './execute.ts';
import type { MountedFileSystem } from './found-filesystem.ts';
import { type FoundPlace, findPlace, refusePlace } from './found-place.ts';
import { requireStorage, type StorageNeed } from './image-storage.ts';
import { fetchHost, type InstallRecord, recordOf, rootLeastBytes } from './install-to-disk.ts';
import type { FilesystemInstallRequest, InstallRequest } from './request.ts';
import { bootNeededBytes, refuseTight, roomOf } from './room.ts';
import type { InstallStep } from './step.ts';

/**
 * Installs an image into file systems that are made and mounted: the root at `path`, the boot partition below it.
 *
 * The boot entry is written last: until then whatever booted before still does.
 *
 * @throws SlipwayError DISK_UNSUITABLE, DISK_NOT_EMPTY, TARGET_UNREACHABLE, what preparing a host throws; IO_FAILED, DISK_NO_SPACE
 */
export async function installToFilesystem(
  request: FilesystemInstallRequest,
  options: OperationOptions & { readonly dryRun: boolean },
): Promise<InstallRecord> {
  ownKernelArguments(request);
  refuseStorage(request);
  const place = await findPlace(request.path, options);
  refusePlace(place, request);
  const plan: PlacePlan = {
    place,
    steps: planFilesystem(place, request),
    kernelArguments: rootArguments(place.root, request.rootMountSpec),
    extras: bootLine(request.bootMountSpec),
    needs: new Set(),
    checksRoom: false,
  };
  return await installToPlace(request, plan, options);
}

/** An installation into what is mounted, decided as far as it can be without the image. */
export interface PlacePlan {
  readonly place: FoundPlace;
  readonly steps: readonly InstallStep[];
  /** What finds the root. */
  readonly kernelArguments: string;
  readonly extras: readonly ExtraPartition[];
  readonly needs: ReadonlySet<StorageNeed>;
  /** Whether everything must fit beside what is there. */
  readonly checksRoom: boolean;
}

/** Fetches the image, refuses what does not fit, and does the steps. */
export async function installToPlace(
  request: InstallRequest & { readonly path: string },
  { place, steps, kernelArguments, extras, needs, checksRoom }: PlacePlan,
  { dryRun, ...options }: OperationOptions & { readonly dryRun: boolean },
): Promise<InstallRecord> {
  const { isSealed } = place;
  const root = { kernelArguments, isSealed, storage: { ...PLAIN_STORAGE, extras }, crypttab: '' };
  await using host = await fetchHost({ ...request, identity: randomUUID(), root }, options);
  await requireStorage(host, needs);
  if (checksRoom) await requireRoom(request.path, place, host);
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

async function requireRoom(path: string, { root, boot }: FoundPlace, host: PreparedHost): Promise<void> {
  refuseTight(path, [
    {
      mountpoint: root.mountpoint,
      bytes: await roomOf(root.mountpoint, { emptied: false }),
      neededBytes: rootLeastBytes(host),
    },
    {
      mountpoint: boot.mountpoint,
      bytes: await roomOf(boot.mountpoint, { emptied: true }),
      neededBytes: bootNeededBytes(host.deployment),
    },
  ]);
}

/** The steps of such an installation. */
export function planFilesystem(
  { root, boot, entries, bootEntries }: FoundPlace,
  { replace, skipsFinalize }: Pick<FilesystemInstallRequest, 'replace' | 'skipsFinalize'>,
): readonly InstallStep[] {
  const at = ({ mountpoint }: MountedFileSystem, names: readonly string[]): readonly string[] =>
    names.map((name) => join(mountpoint, name));
  // What is left of the old system is not started any more.
  const replaced = replace === undefined ? [] : at(boot, bootEntries);
  return [
    ...(replace === 'wipe' && entries.length > 0
      ? [{ kind: 'remove', paths: at(root, entries) } as const]
      : []),
    {
      kind: 'write-host',
      root: root.mountpoint,
      boot: boot.mountpoint,
      ...(replaced.length === 0 ? {} : { replaced }),
    },
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

/** What makes partitions has nothing to do here. */
export function refuseStorage({ config, path }: Pick<FilesystemInstallRequest, 'config' | 'path'>): void {
  const { disk, filesystem, swap } = config?.config.customizations ?? {};
  const asked = Object.entries({ disk, filesystem, swap }).filter(([, value]) => value !== undefined);
  if (asked.length === 0) return;
  throw new SlipwayError('CONFIG_INVALID', `cannot install to ${path}: the configuration describes storage`, {
    findings: asked.map(([name]) => `customizations.${name}`),
    hint: 'leave it out: the file systems are there already; slipway install to-disk makes some',
  });
}
