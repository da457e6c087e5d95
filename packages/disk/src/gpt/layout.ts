import { roundUp, SlipwayError } from '@slipway/core';
import {
  ALIGNMENT_BYTES,
  BACKUP_SECTORS,
  ENTRY_COUNT,
  FIRST_USABLE_LBA,
  LABEL_CODE_UNITS,
  SECTOR_BYTES,
} from './format.ts';

/** A partition someone wants. */
export interface PartitionRequest {
  /** Type GUID, see {@link PARTITION_TYPES}. */
  readonly type: string;
  readonly uuid: string;
  /** At most 36 UTF-16 units. */
  readonly label: string;
  /** Rounded up to whole MiB; at most one partition may leave it out and takes what remains of the disk. */
  readonly sizeBytes?: number;
  /** Bits of {@link PARTITION_ATTRIBUTES}. */
  readonly attributes?: bigint;
}

/** A partition with its place. */
export interface Partition {
  /** Its number, from 1. */
  readonly number: number;
  readonly type: string;
  readonly uuid: string;
  readonly label: string;
  readonly attributes: bigint;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** Where everything on the disk lies. */
export interface GptLayout {
  readonly diskUuid: string;
  readonly sizeBytes: number;
  readonly partitions: readonly Partition[];
}

/** What to lay out. */
export interface GptRequest {
  readonly diskUuid: string;
  /** Of the whole disk, a multiple of 512; as small as possible where absent. */
  readonly sizeBytes?: number;
  readonly partitions: readonly PartitionRequest[];
}

/**
 * Lays out a disk: partitions in the given order, each at a whole MiB.
 *
 * @throws SlipwayError DISK_TOO_SMALL when they do not fit, DISK_INVALID for a request that makes no sense,
 *   DISK_NAME_INVALID for a label that is too long
 */
export function layoutGpt(request: GptRequest): GptLayout {
  const { diskUuid, partitions } = request;
  checkRequest(request);
  const fixedBytes = partitions.reduce(
    (sum, { sizeBytes = 0 }) => sum + roundUp(sizeBytes, ALIGNMENT_BYTES),
    0,
  );
  const growing = partitions.filter((partition) => partition.sizeBytes === undefined).length;
  const neededBytes = ALIGNMENT_BYTES + fixedBytes + growing * ALIGNMENT_BYTES + ALIGNMENT_BYTES;
  const sizeBytes = request.sizeBytes ?? neededBytes;
  const usableEnd = sizeBytes - BACKUP_SECTORS * SECTOR_BYTES;
  const restBytes =
    Math.floor((usableEnd - ALIGNMENT_BYTES - fixedBytes) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  if (restBytes < growing * ALIGNMENT_BYTES) {
    throw new SlipwayError(
      'DISK_TOO_SMALL',
      `cannot lay out the disk: its partitions need ${neededBytes} bytes and it has ${sizeBytes}`,
      { hint: 'ask for a larger disk', details: { neededBytes, sizeBytes } },
    );
  }
  let offsetBytes = ALIGNMENT_BYTES;
  const placed = partitions.map((partition, index): Partition => {
    const own = partition.sizeBytes === undefined ? restBytes : roundUp(partition.sizeBytes, ALIGNMENT_BYTES);
    const at = offsetBytes;
    offsetBytes += own;
    return {
      number: index + 1,
      type: partition.type.toLowerCase(),
      uuid: partition.uuid.toLowerCase(),
      label: partition.label,
      attributes: partition.attributes ?? 0n,
      offsetBytes: at,
      sizeBytes: own,
    };
  });
  return { diskUuid: diskUuid.toLowerCase(), sizeBytes, partitions: placed };
}

function checkRequest({ partitions, sizeBytes }: GptRequest): void {
  const refuse = (why: string): never => {
    throw new SlipwayError('DISK_INVALID', `cannot lay out the disk: ${why}`);
  };
  if (partitions.length > ENTRY_COUNT)
    refuse(`${partitions.length} partitions, a table holds ${ENTRY_COUNT}`);
  if (partitions.filter((partition) => partition.sizeBytes === undefined).length > 1) {
    refuse('more than one partition without a size');
  }
  if (
    sizeBytes !== undefined &&
    (sizeBytes % SECTOR_BYTES !== 0 || sizeBytes < FIRST_USABLE_LBA * SECTOR_BYTES)
  ) {
    refuse(`${sizeBytes} bytes is not a disk size`);
  }
  const uuids = new Set(partitions.map((partition) => partition.uuid.toLowerCase()));
  if (uuids.size !== partitions.length) refuse('two partitions have the same UUID');
  for (const partition of partitions) {
    if (partition.sizeBytes !== undefined && !(partition.sizeBytes > 0))
      refuse(`an empty partition ${partition.label}`);
    if (partition.label.length > LABEL_CODE_UNITS) {
      throw new SlipwayError(
        'DISK_NAME_INVALID',
        `cannot name a partition ${partition.label}: a label has at most ${LABEL_CODE_UNITS} characters`,
      );
    }
  }
}
