import { withDescendants } from '../block/block-device.ts';
import type { DiskPlan } from '../disk-plan.ts';
import type { StorageRequest } from '../storage/request.ts';
import type { InstallStep, PlannedPartition } from './step.ts';
import type { InstallTarget } from './target.ts';

const MIB = 1024 ** 2;

/** Steps of an installation onto a disk that only has file systems in partitions: all of it is written by ourselves, in one pass. */
export function planPlain(
  target: InstallTarget,
  disk: DiskPlan,
  storage: StorageRequest,
): readonly InstallStep[] {
  const { path } = target;
  const write: InstallStep = { kind: 'write-disk', path, partitions: plannedPartitions(disk, storage) };
  const verify: InstallStep = { kind: 'verify-disk', path };
  if (target.kind === 'file')
    return [{ kind: 'clear-file', path, sizeBytes: target.sizeBytes }, write, verify];
  return [
    ...wipeSteps(target),
    // Boot code and tables of whoever had the disk before.
    { kind: 'clear', path, offsetBytes: 0, lengthBytes: MIB },
    ...disk.layout.partitions.map(
      ({ uuid, offsetBytes, sizeBytes }): InstallStep => ({
        kind: 'clear',
        path,
        offsetBytes,
        // The file system of the root may be smaller than its partition until the host grows it.
        lengthBytes: uuid === disk.rootPartitionUuid ? disk.root.sizeBytes : sizeBytes,
      }),
    ),
    write,
    { kind: 'read-table', path },
    verify,
  ];
}

/** Takes the signatures off a disk and its partitions, innermost first; nothing where there is nothing. */
export function wipeSteps(target: InstallTarget): readonly InstallStep[] {
  if (target.kind === 'file') return [];
  const { disk, signatures } = target;
  const partitions = [...withDescendants(disk)].slice(1).map((each) => each.path);
  if (partitions.length === 0 && signatures.length === 0) return [];
  return [{ kind: 'wipe-signatures', paths: [...partitions, disk.path] }];
}

function plannedPartitions(
  { layout, espUuid, rootPartitionUuid }: DiskPlan,
  { extras }: StorageRequest,
): readonly PlannedPartition[] {
  return layout.partitions.map(({ number, label, type, uuid, offsetBytes, sizeBytes }) => {
    const extra = extras.find((each) => each.uuid === uuid);
    const mounted = extra?.mountpoint === undefined ? '' : ` for ${extra.mountpoint}`;
    const holds =
      uuid === espUuid
        ? 'vfat, the boot partition'
        : uuid === rootPartitionUuid
          ? 'ext4, the root'
          : extra === undefined
            ? 'boot loader'
            : `${extra.fileSystem === 'none' ? 'nothing' : extra.fileSystem}${mounted}`;
    return { number, label, type, uuid, holds, offsetBytes, sizeBytes };
  });
}
