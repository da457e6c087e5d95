import type { FileSystemConfig, PartitionConfig } from '../config/types.ts';
import type { RootFileSystem } from '../request.ts';
import type { LayerDraft } from './layer-draft.ts';
import type { OpenedDevice } from './opened-device.ts';

/** xfs has room for no longer one. */
const LONGEST_LABEL = 12;

/** A file system on a device, mounted where the host wants it. */
export function draftFileSystem(
  draft: LayerDraft,
  config: FileSystemConfig,
  { path: device, encryption }: OpenedDevice,
  rootFileSystem: RootFileSystem,
): void {
  const isRoot = config.mountpoint === '/';
  const fileSystem = config.fs_type ?? (isRoot ? rootFileSystem : 'ext4');
  if (fileSystem === 'none') return;
  const uuid = draft.uuid('file system');
  const label = config.label ?? (isRoot ? 'slipway-root' : undefined);
  draft.steps.push({
    kind: 'make-file-system',
    device,
    fileSystem,
    uuid,
    label: label?.slice(0, LONGEST_LABEL),
  });
  const { mountpoint, mount_options: options } = config;
  draft.volumes.push({ device, fileSystem, uuid, label, mountpoint, options, encryption });
}

/** btrfs on a device, with its subvolumes, each mounted where the host wants it. */
export function draftBtrfs(
  draft: LayerDraft,
  partition: PartitionConfig,
  { path: device, encryption }: OpenedDevice,
): void {
  const uuid = draft.uuid('file system');
  draft.steps.push({ kind: 'make-file-system', device, fileSystem: 'btrfs', uuid, label: partition.label });
  const subvolumes = partition.subvolumes ?? [];
  const names = subvolumes.map(({ name }) => name);
  if (names.length > 0) draft.steps.push({ kind: 'make-subvolumes', device, names });
  const base = { device, fileSystem: 'btrfs', uuid, label: partition.label, encryption } as const;
  const { mountpoint, mount_options: options } = partition;
  if (mountpoint !== undefined) draft.volumes.push({ ...base, mountpoint, options });
  for (const { name, mountpoint: at } of subvolumes) {
    if (at === undefined) continue;
    const subvol = `subvol=${name}`;
    draft.volumes.push({
      ...base,
      mountpoint: at,
      options: options === undefined ? subvol : `${options},${subvol}`,
    });
  }
}
