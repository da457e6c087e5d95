import { partitionPath } from '../block/block-device.ts';
import type { PartitionConfig } from '../config/types.ts';
import { PLAIN_STORAGE } from '../storage/request.ts';
import { bootDisks, diskOf } from './boot-disks.ts';
import { draftTable } from './disk-table.ts';
import { crypttabLine, extraOf, rootArguments } from './find-again.ts';
import { LayerDraft } from './layer-draft.ts';
import {
  type LayerNeeds,
  type LayerPlan,
  type LayerRequest,
  type PlainDisk,
  unknownLayout,
} from './layer-plan.ts';
import { draftOpened } from './opened-device.ts';
import { draftBtrfs, draftFileSystem } from './planned-file-system.ts';
import { draftArray } from './raid-array.ts';
import { VolumeGroups } from './volume-group.ts';
import { wantedPartitions } from './wanted-partitions.ts';

/** Where the wanted partitions are, and how large. */
interface PlacedPartitions {
  /** Boot partitions. */
  readonly esps: readonly [string, ...string[]];
  readonly devices: ReadonlyMap<PartitionConfig, string>;
  readonly sizes: ReadonlyMap<PartitionConfig, number>;
}

/**
 * Lays out partitions, arrays, encrypted volumes, volume groups and file systems, in the order they are made. Nothing is done.
 *
 * @throws SlipwayError DISK_TOO_SMALL; CONFIG_INVALID for what refers to something that is not there
 */
export function planLayers(request: LayerRequest, needs: LayerNeeds): LayerPlan {
  const draft = new LayerDraft(request.seed);
  const wanted = wantedPartitions(request);
  const placed = draftTables(draft, request, needs, wanted);
  for (const device of placed.esps) {
    const uuid = draft.uuid('boot file system');
    draft.steps.push({ kind: 'make-file-system', device, fileSystem: 'vfat', uuid, label: 'SLIPWAY' });
  }
  draftContents(draft, request, wanted, placed);
  for (const raid of request.customizations.disk?.raid ?? [])
    draftArray(draft, raid, placed.devices, request.rootFileSystem);
  return finishedPlan(draft, placed.esps);
}

/** The partition tables of all disks something is wanted on, and of those that carry a boot partition. */
function draftTables(
  draft: LayerDraft,
  request: LayerRequest,
  needs: LayerNeeds,
  wanted: readonly PartitionConfig[],
): PlacedPartitions {
  const { disks, customizations, architecture } = request;
  const raids = customizations.disk?.raid ?? [];
  const devices = new Map<PartitionConfig, string>();
  const sizes = new Map<PartitionConfig, number>();
  const [bootDisk, ...copies] = bootDisks(request);
  const carriers = [bootDisk, ...copies];
  for (const disk of disks) {
    const partitions = wanted.filter(({ device }) => diskOf(device, disks) === disk);
    const carriesBoot = carriers.includes(disk);
    if (!carriesBoot && partitions.length === 0) continue;
    const placed = draftTable(draft, { disk, partitions, raids, carriesBoot, architecture, needs });
    for (const [at, partition] of partitions.entries()) {
      const { number = 0, sizeBytes = 0 } = placed[at] ?? {};
      devices.set(partition, partitionPath(disk.path, number));
      sizes.set(partition, sizeBytes);
    }
  }
  const espOf = ({ path }: PlainDisk): string => partitionPath(path, 1);
  return { esps: [espOf(bootDisk), ...copies.map(espOf)], devices, sizes };
}

/** What stands on the partitions; those of arrays have nothing of their own. */
function draftContents(
  draft: LayerDraft,
  { rootFileSystem }: LayerRequest,
  wanted: readonly PartitionConfig[],
  { devices, sizes }: PlacedPartitions,
): void {
  const groups = new VolumeGroups();
  for (const partition of wanted) {
    if (partition.type === 'raid') continue;
    const opened = draftOpened(draft, devices.get(partition) ?? '', partition.encryption);
    if (partition.type === 'lvm') groups.add(partition, opened, sizes.get(partition) ?? 0);
    else if (partition.type === 'btrfs') draftBtrfs(draft, partition, opened);
    else draftFileSystem(draft, partition, opened, rootFileSystem);
  }
  groups.draft(draft, rootFileSystem);
}

function finishedPlan(
  { steps, volumes, needs, passphrases }: LayerDraft,
  esps: LayerPlan['esps'],
): LayerPlan {
  const root = volumes.find(({ mountpoint }) => mountpoint === '/');
  if (root === undefined) throw unknownLayout('nothing is mounted at /');
  if (root.fileSystem === 'vfat' || root.fileSystem === 'swap')
    throw unknownLayout(`the root cannot be ${root.fileSystem}`);
  if (root.fileSystem !== 'ext4') needs.add(root.fileSystem === 'xfs' ? 'xfs' : 'btrfs');
  const others = volumes.filter((each) => each !== root);
  const opened = new Set(root.encryption.map(({ uuid }) => uuid));
  const closed = others.flatMap(({ encryption }) => encryption.filter(({ uuid }) => !opened.has(uuid)));
  return {
    steps,
    volumes,
    esps,
    needs,
    passphrases,
    root: {
      kernelArguments: rootArguments(root),
      isSealed: root.fileSystem !== 'xfs',
      storage: { ...PLAIN_STORAGE, extras: others.map(extraOf) },
      crypttab: [...new Set(closed)].map(crypttabLine).join(''),
    },
  };
}
