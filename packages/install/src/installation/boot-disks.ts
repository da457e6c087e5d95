/** Which disks a machine can be started from. */
import { diskPath } from '../config/disk-name.ts';
import type { PartitionConfig, RaidConfig } from '../config/types.ts';
import { type LayerRequest, type PlainDisk, unknownLayout } from './layer-plan.ts';

/** Levels that lose no file with a disk. */
const REDUNDANT: readonly RaidConfig['level'][] = ['1', '4', '5', '6', '10'];

/**
 * The disks that get a boot partition: every one that carries a member of the array the root lies on, where that is still there without one
 * of them; else the one that is named, or the first. One that is named and carries no member is the only one: the host keeps boot
 * partitions alike on the disks of its root (ADR 24).
 */
export function bootDisks({
  disks,
  customizations: { disk },
}: Pick<LayerRequest, 'disks' | 'customizations'>): readonly [PlainDisk, ...PlainDisk[]] {
  const chosen = diskOf(disk?.boot_drive, disks);
  const array = disk?.raid?.find(({ level, mountpoint }) => mountpoint === '/' && REDUNDANT.includes(level));
  const isMember = ({ type, name }: PartitionConfig): boolean =>
    type === 'raid' && name !== undefined && array?.members.includes(name) === true;
  const members = new Set(
    (disk?.partitions ?? []).filter(isMember).map(({ device }) => diskOf(device, disks)),
  );
  const isApart = disk?.boot_drive !== undefined && !members.has(chosen);
  const [first, ...others] = disks.filter((each) => members.has(each));
  return isApart || first === undefined ? [chosen] : [first, ...others];
}

/** The disk of that name; the first where none is named. @throws SlipwayError CONFIG_INVALID for one that is not of the installation */
export function diskOf(device: string | undefined, [first, ...others]: LayerRequest['disks']): PlainDisk {
  if (device === undefined) return first;
  const path = diskPath(device);
  const found = [first, ...others].find((each) => each.path === path);
  if (found === undefined)
    throw unknownLayout(`something is to be on ${device}, which is none of the disks of this installation`);
  return found;
}
