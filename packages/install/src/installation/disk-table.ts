import { SlipwayError } from '@slipway/core';
import { layoutGpt, PARTITION_TYPES, type PartitionRequest } from '@slipway/disk';
import { partitionPath } from '../block/block-device.ts';
import type { PartitionConfig, RaidConfig } from '../config/types.ts';
import { BIOS_BOOT_BYTES } from '../disk-plan.ts';
import { sizingOf } from '../storage/request.ts';
import type { LayerDraft } from './layer-draft.ts';
import type { LayerNeeds, PlainDisk } from './layer-plan.ts';
import { holdsRoot, partitionType } from './partition-role.ts';
import { shareRoom } from './share-room.ts';
import type { PlannedPartition } from './step.ts';
import { holdsOf, nameOf } from './wanted-partitions.ts';

const MIB = 1024 ** 2;
const TABLES_BYTES = 2 * MIB;
/** What LUKS2, RAID, LVM and a file system take of a partition before the first file. */
const LAYERS_BYTES = 128 * MIB;
/** Characters of a name in a GPT. */
const LONGEST_LABEL = 36;

/** A disk that gets a new partition table. */
export interface DiskTable {
  readonly disk: PlainDisk;
  /** What is wanted on it. */
  readonly partitions: readonly PartitionConfig[];
  readonly raids: readonly RaidConfig[];
  /** Whether a boot partition goes there, and one for GRUB, before the others. */
  readonly carriesBoot: boolean;
  readonly architecture: string;
  readonly needs: LayerNeeds;
}

/**
 * Lays out the partition table of a disk and adds the steps that write it.
 *
 * @returns the wanted partitions, in their order
 * @throws SlipwayError DISK_TOO_SMALL
 */
export function draftTable(draft: LayerDraft, table: DiskTable): readonly PlannedPartition[] {
  const { disk, partitions: own, raids, architecture } = table;
  const boot = bootPartitions(draft, table);
  const sizes = sizesOf(table, boot);
  const layout = layoutGpt({
    diskUuid: draft.uuid(`disk ${disk.path}`),
    sizeBytes: disk.sizeBytes,
    partitions: [
      ...boot,
      ...own.map((each, index) => {
        const sizeBytes = sizes[index];
        return {
          type: partitionType(each, raids, architecture),
          uuid: each.part_uuid ?? draft.uuid(`partition ${disk.path} ${index}`),
          label: (each.part_label ?? each.label ?? nameOf(each)).slice(0, LONGEST_LABEL),
          ...(sizeBytes === undefined ? {} : { sizeBytes }),
        };
      }),
    ],
  });
  const partitions = layout.partitions.map((placed, index): PlannedPartition => {
    const { number, label, type, uuid, offsetBytes, sizeBytes } = placed;
    const config = own[index - boot.length];
    const holds = config === undefined ? (BOOT_CONTENTS[type] ?? '') : holdsOf(config);
    return { number, label, type, uuid, offsetBytes, sizeBytes, holds };
  });
  const { diskUuid, sizeBytes } = layout;
  draft.steps.push(
    { kind: 'write-table', path: disk.path, diskUuid, sizeBytes, partitions },
    { kind: 'read-table', path: disk.path },
    // Whatever was at those places before must not come to life again. GRUB came with the table.
    {
      kind: 'wipe-signatures',
      paths: partitions
        .filter(({ type }) => type !== PARTITION_TYPES.biosBoot)
        .map(({ number }) => partitionPath(disk.path, number)),
    },
  );
  return partitions.slice(boot.length);
}

const BOOT_CONTENTS: Readonly<Record<string, string | undefined>> = {
  [PARTITION_TYPES.esp]: 'vfat, the boot partition',
  [PARTITION_TYPES.biosBoot]: 'boot loader',
};

/** The one with kernels first: GRUB looks for its files on the first of the disk it was started from. */
function bootPartitions(
  draft: LayerDraft,
  { carriesBoot, needs }: DiskTable,
): readonly (PartitionRequest & { readonly sizeBytes: number })[] {
  if (!carriesBoot) return [];
  const { esp, biosBoot } = PARTITION_TYPES;
  // Both in any case: what comes after has the same UUIDs with GRUB as without.
  const [espUuid, biosUuid] = [draft.uuid('boot partition'), draft.uuid('BIOS boot partition')];
  const kernels = { type: esp, uuid: espUuid, label: 'slipway-esp', sizeBytes: needs.espBytes };
  const grub = { type: biosBoot, uuid: biosUuid, label: 'slipway-bios', sizeBytes: BIOS_BOOT_BYTES };
  return needs.hasGrub ? [kernels, grub] : [kernels];
}

/** Sizes of the wanted partitions, in their order; undefined for the one that takes what is left. */
function sizesOf(
  { disk, partitions, raids, needs }: DiskTable,
  boot: readonly { readonly sizeBytes: number }[],
): readonly (number | undefined)[] {
  const bootBytes = boot.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const claims = partitions.map((each) => {
    const isRoot = holdsRoot(each, raids);
    const sizing = sizingOf(each);
    const leastBytes = isRoot
      ? Math.max(sizing.leastBytes, needs.rootLeastBytes + LAYERS_BYTES)
      : sizing.leastBytes;
    return { isRoot, sizing: { ...sizing, leastBytes } };
  });
  const neededBytes =
    TABLES_BYTES + bootBytes + claims.reduce((sum, { sizing }) => sum + sizing.leastBytes, 0);
  if (neededBytes > disk.sizeBytes) throw tooSmall(disk, neededBytes);
  return shareRoom(claims, disk.sizeBytes - TABLES_BYTES - bootBytes, disk.sizeBytes);
}

function tooSmall({ path, sizeBytes }: PlainDisk, neededBytes: number): SlipwayError {
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / MIB)} MiB`;
  return new SlipwayError(
    'DISK_TOO_SMALL',
    `cannot install to ${path}: it has ${mebibytes(sizeBytes)}, and ${mebibytes(neededBytes)} are needed`,
    { hint: 'use a larger disk, or ask for less', details: { sizeBytes, neededBytes } },
  );
}
