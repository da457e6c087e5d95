import { crc32 } from 'node:zlib';
import { isSlipwayError, SlipwayError } from '@slipway/core';
import type { DiskSource } from '../device/source.ts';
import { formatGuid } from '../uuid.ts';
import { ENTRY, HEADER, HEADER_BYTES, HEADER_SIGNATURE, LABEL_CODE_UNITS, SECTOR_BYTES } from './format.ts';
import type { GptLayout, Partition } from './layout.ts';

const MAX_ENTRY_BYTES = 4096;
const MAX_ENTRIES = 1024;
const UNUSED_TYPE = '00000000-0000-0000-0000-000000000000';

/**
 * Reads the partition table; the backup is taken where the primary one is damaged.
 *
 * @throws SlipwayError DISK_INVALID when neither is sound
 */
export async function readGpt(source: DiskSource): Promise<GptLayout> {
  try {
    return await readTable(source, 1);
  } catch (primary) {
    if (!isSlipwayError(primary, 'DISK_INVALID')) throw primary;
    return await readTable(source, Math.floor(source.sizeBytes / SECTOR_BYTES) - 1).catch(() => {
      throw primary;
    });
  }
}

async function readTable(source: DiskSource, headerLba: number): Promise<GptLayout> {
  const header = await source.read(headerLba * SECTOR_BYTES, SECTOR_BYTES);
  checkHeader(header, headerLba);
  const entryBytes = header.readUInt32LE(HEADER.entryBytes);
  const entryCount = header.readUInt32LE(HEADER.entryCount);
  if (entryBytes < 128 || entryBytes > MAX_ENTRY_BYTES || entryBytes % 128 !== 0)
    refuse(`entries of ${entryBytes} bytes`);
  if (entryCount === 0 || entryCount > MAX_ENTRIES) refuse(`${entryCount} entries`);
  const entries = await source.read(
    sectorAt(header, HEADER.entriesLba) * SECTOR_BYTES,
    entryBytes * entryCount,
  );
  if (crc32(entries) !== header.readUInt32LE(HEADER.entriesCrc))
    refuse('the checksum of its entries is wrong');
  const partitions: Partition[] = [];
  for (let index = 0; index < entryCount; index += 1) {
    const partition = decodeEntry(entries.subarray(index * entryBytes, (index + 1) * entryBytes), index + 1);
    if (partition !== undefined) partitions.push(partition);
  }
  checkPlaces(partitions, header, source.sizeBytes);
  return {
    diskUuid: formatGuid(header.subarray(HEADER.diskGuid, HEADER.diskGuid + 16)),
    sizeBytes: source.sizeBytes,
    partitions,
  };
}

function checkHeader(header: Buffer, lba: number): void {
  if (header.toString('latin1', 0, 8) !== HEADER_SIGNATURE) refuse('no GPT header');
  const headerBytes = header.readUInt32LE(HEADER.headerBytes);
  if (headerBytes < HEADER_BYTES || headerBytes > SECTOR_BYTES) refuse(`a header of ${headerBytes} bytes`);
  const bare = Buffer.from(header.subarray(0, headerBytes));
  bare.writeUInt32LE(0, HEADER.headerCrc);
  if (crc32(bare) !== header.readUInt32LE(HEADER.headerCrc)) refuse('the checksum of its header is wrong');
  if (sectorAt(header, HEADER.ownLba) !== lba) refuse('its header belongs elsewhere');
}

function decodeEntry(entry: Buffer, number: number): Partition | undefined {
  const type = formatGuid(entry.subarray(ENTRY.type, ENTRY.type + 16));
  if (type === UNUSED_TYPE) return undefined;
  const first = sectorAt(entry, ENTRY.firstLba);
  const last = sectorAt(entry, ENTRY.lastLba);
  if (last < first) refuse(`partition ${number} ends before it starts`);
  const label = entry.toString('utf16le', ENTRY.label, ENTRY.label + 2 * LABEL_CODE_UNITS);
  return {
    number,
    type,
    uuid: formatGuid(entry.subarray(ENTRY.uuid, ENTRY.uuid + 16)),
    label: label.split('\0', 1)[0] ?? '',
    attributes: entry.readBigUInt64LE(ENTRY.attributes),
    offsetBytes: first * SECTOR_BYTES,
    sizeBytes: (last - first + 1) * SECTOR_BYTES,
  };
}

function checkPlaces(partitions: readonly Partition[], header: Buffer, sizeBytes: number): void {
  const firstBytes = sectorAt(header, HEADER.firstUsableLba) * SECTOR_BYTES;
  const endBytes = (sectorAt(header, HEADER.lastUsableLba) + 1) * SECTOR_BYTES;
  if (endBytes > sizeBytes) refuse('it describes a larger disk');
  let previousEnd = firstBytes;
  for (const partition of partitions.toSorted((a, b) => a.offsetBytes - b.offsetBytes)) {
    if (partition.offsetBytes < previousEnd)
      refuse(`partition ${partition.number} overlaps what is before it`);
    previousEnd = partition.offsetBytes + partition.sizeBytes;
  }
  if (previousEnd > endBytes) refuse('a partition ends past the end of the disk');
}

function sectorAt(bytes: Buffer, offset: number): number {
  const sector = bytes.readBigUInt64LE(offset);
  if (sector > 1n << 43n) refuse(`sector ${sector} is past any disk`);
  return Number(sector);
}

function refuse(why: string): never {
  throw new SlipwayError('DISK_INVALID', `cannot read the partition table: ${why}`);
}
