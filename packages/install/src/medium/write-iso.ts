import { readFile } from '@slipway/composefs';
import { type OperationOptions, operation } from '@slipway/core';
import {
  type DiskMetadata,
  type DiskWriter,
  deriveUuid,
  type IsoDirectory,
  type IsoPlan,
  openRawTarget,
  planFat,
  planIso,
  writeExt4,
  writeFat,
  writeIso,
} from '@slipway/disk';
import type { FileReader } from '@slipway/host';
import { findGrubMedium } from '../grub-loader.ts';
import type { MediumRequest } from '../request.ts';
import { renamed } from '../write-disk.ts';
import { liveEntries, liveEspTree, mediumLabel } from './live-boot.ts';
import { type LiveParts, planLiveRoot } from './live-root.ts';

/**
 * Lays out a medium that starts the image as a live system and installs it: the file system of that system in one file, and a boot
 * partition with the boot loader and the kernel of the image. Nothing is written.
 */
export async function planLiveIso(parts: LiveParts, request: MediumRequest): Promise<IsoPlan> {
  const { deployment, repository, imported } = parts.host;
  const { seed, timeSec } = deployment;
  const meta: DiskMetadata = { mode: 0o755, uid: 0, gid: 0, mtimeSec: timeSec, mtimeNsec: 0 };
  const label = mediumLabel(deployment);
  const live = planLiveRoot(parts, request);
  const esp = planFat(
    liveEspTree(repository, deployment, request.architecture, liveEntries(deployment, label)),
    { uuid: deriveUuid(seed, 'boot file system of a medium'), label: 'SLIPWAY', timeSec, bits: 32 },
  );
  const directory = (entries: IsoDirectory['entries']): IsoDirectory => ({
    kind: 'directory',
    meta,
    entries,
  });
  const root = {
    kind: 'written-file' as const,
    meta: { ...meta, mode: 0o444 },
    sizeBytes: live.sizeBytes,
    write: (window: DiskWriter, options: OperationOptions) => writeExt4(window, live, options),
  };
  const read: FileReader = (node) => readFile(repository, node);
  const bios = await findGrubMedium(imported.tree, read, request.architecture);
  return planIso(directory(new Map([['slipway', directory(new Map([['root.img', root]]))]])), {
    volumeId: label,
    timeSec,
    ...(bios === undefined ? {} : { bios }),
    efi: {
      sizeBytes: esp.sizeBytes,
      diskUuid: deriveUuid(seed, 'medium'),
      partitionUuid: deriveUuid(seed, 'boot partition of a medium'),
      write: (window, options) => writeFat(window, esp, options),
    },
  });
}

/** Writes a planned medium; it stands under its name only when it is complete. */
export async function writeLiveIso(
  path: string,
  plan: IsoPlan,
  task: string,
  options: OperationOptions,
): Promise<void> {
  await using target = await openRawTarget(path, plan.sizeBytes);
  await writeIso(target, plan, { ...options, progress: renamed(operation(options).progress, task) });
  await target.finish();
}
