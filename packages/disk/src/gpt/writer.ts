import { crc32 } from 'node:zlib';
import type { OperationOptions } from '@slipway/core';
import { type DiskWriter, windowOf } from '../device/writer.ts';
import { guidBytes } from '../uuid.ts';
import {
  BACKUP_SECTORS,
  ENTRIES_BYTES,
  ENTRY,
  ENTRY_BYTES,
  ENTRY_COUNT,
  FIRST_USABLE_LBA,
  HEADER,
  HEADER_BYTES,
  HEADER_REVISION,
  HEADER_SIGNATURE,
  SECTOR_BYTES,
} from './format.ts';
import type { GptLayout, Partition } from './layout.ts';
import { encodeMbr, type MbrContents } from './mbr.ts';

/** Writes what stands in one partition, ascending. */
export type PartitionContent = (window: DiskWriter, options: OperationOptions) => Promise<void>;

/** What goes on a partitioned disk besides its table. */
export interface GptDiskContents extends MbrContents {
  /** By partition UUID; partitions without content read as zeros. */
  readonly partitions: ReadonlyMap<string, PartitionContent>;
}

/**
 * Writes a whole partitioned disk in one ascending pass: master boot record, table, every partition, backup table.
 *
 * @throws SlipwayError whatever the contents throw; DISK_INVALID when the master boot record cannot hold what it should
 */
export async function writeGptDisk(
  target: DiskWriter,
  layout: GptLayout,
  contents: GptDiskContents,
  options: OperationOptions = {},
): Promise<void> {
  const entries = encodeEntries(layout.partitions);
  const lastLba = layout.sizeBytes / SECTOR_BYTES - 1;
  await target.write(0, encodeMbr(layout, contents));
  await target.write(
    SECTOR_BYTES,
    encodeHeader(layout, entries, { ownLba: 1, otherLba: lastLba, entriesLba: 2 }),
  );
  await target.write(2 * SECTOR_BYTES, entries);
  for (const partition of layout.partitions) {
    options.signal?.throwIfAborted();
    const write = contents.partitions.get(partition.uuid);
    await write?.(windowOf(target, partition.offsetBytes, partition.sizeBytes), options);
  }
  const entriesLba = lastLba + 1 - BACKUP_SECTORS;
  await target.write(entriesLba * SECTOR_BYTES, entries);
  await target.write(
    lastLba * SECTOR_BYTES,
    encodeHeader(layout, entries, { ownLba: lastLba, otherLba: 1, entriesLba }),
  );
}

interface HeaderPlace {
  readonly ownLba: number;
  readonly otherLba: number;
  readonly entriesLba: number;
}

function encodeHeader(layout: GptLayout, entries: Buffer, place: HeaderPlace): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector.write(HEADER_SIGNATURE, HEADER.signature, 'latin1');
  sector.writeUInt32LE(HEADER_REVISION, HEADER.revision);
  sector.writeUInt32LE(HEADER_BYTES, HEADER.headerBytes);
  sector.writeBigUInt64LE(BigInt(place.ownLba), HEADER.ownLba);
  sector.writeBigUInt64LE(BigInt(place.otherLba), HEADER.otherLba);
  sector.writeBigUInt64LE(BigInt(FIRST_USABLE_LBA), HEADER.firstUsableLba);
  sector.writeBigUInt64LE(BigInt(layout.sizeBytes / SECTOR_BYTES - BACKUP_SECTORS - 1), HEADER.lastUsableLba);
  sector.set(guidBytes(layout.diskUuid), HEADER.diskGuid);
  sector.writeBigUInt64LE(BigInt(place.entriesLba), HEADER.entriesLba);
  sector.writeUInt32LE(ENTRY_COUNT, HEADER.entryCount);
  sector.writeUInt32LE(ENTRY_BYTES, HEADER.entryBytes);
  sector.writeUInt32LE(crc32(entries), HEADER.entriesCrc);
  sector.writeUInt32LE(crc32(sector.subarray(0, HEADER_BYTES)), HEADER.headerCrc);
  return sector;
}

function encodeEntries(partitions: readonly Partition[]): Buffer {
  const entries = Buffer.alloc(ENTRIES_BYTES);
  for (const partition of partitions) {
    const entry = entries.subarray((partition.number - 1) * ENTRY_BYTES, partition.number * ENTRY_BYTES);
    entry.set(guidBytes(partition.type), ENTRY.type);
    entry.set(guidBytes(partition.uuid), ENTRY.uuid);
    entry.writeBigUInt64LE(BigInt(partition.offsetBytes / SECTOR_BYTES), ENTRY.firstLba);
    entry.writeBigUInt64LE(
      BigInt((partition.offsetBytes + partition.sizeBytes) / SECTOR_BYTES - 1),
      ENTRY.lastLba,
    );
    entry.writeBigUInt64LE(partition.attributes, ENTRY.attributes);
    entry.write(partition.label, ENTRY.label, 'utf16le');
  }
  return entries;
}
