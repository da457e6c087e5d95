import { crc32cOf } from '../../checksum/crc32c.ts';
import { deriveUuid, guidBytes } from '../../uuid.ts';
import type { ContainerIdentity } from '../identity.ts';
import {
  BLOCK_BYTES,
  HEADER,
  HEADER_BYTES,
  HEADER_SIGNATURE,
  IDENTIFIER_SIGNATURE,
  LOG_BYTES,
  LOG_OFFSET,
  METADATA_BYTES,
  METADATA_ENTRY,
  METADATA_FLAGS,
  METADATA_GUID,
  METADATA_ITEMS,
  METADATA_OFFSET,
  METADATA_SIGNATURE,
  METADATA_TABLE,
  PLACE,
  REGION_ENTRY,
  REGION_GUID,
  REGION_SIGNATURE,
  REGION_TABLE,
  REGION_TABLE_BYTES,
  SECTOR_BYTES,
  TABLE_OFFSET,
} from './format.ts';

/** Everything of a VHDX before its block allocation table: identifier, headers, regions, an empty log, metadata. */
export function encodeFront(sizeBytes: number, tableBytes: number, identity: ContainerIdentity): Buffer {
  const front = Buffer.alloc(TABLE_OFFSET);
  front.write(IDENTIFIER_SIGNATURE, PLACE.identifier, 'latin1');
  front.write('slipway', PLACE.identifier + 8, 'utf16le');
  // The one with the higher number counts; the other is there for a power cut while it is replaced.
  PLACE.headers.forEach((at, sequence) => front.set(encodeHeader(sequence, identity), at));
  const regions = encodeRegions(tableBytes);
  for (const at of PLACE.regions) front.set(regions, at);
  encodeMetadata(front.subarray(METADATA_OFFSET), sizeBytes, identity);
  return front;
}

function encodeHeader(sequence: number, { seed }: ContainerIdentity): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(HEADER_SIGNATURE, 'latin1');
  header.writeBigUInt64LE(BigInt(sequence), HEADER.sequence);
  header.set(guidBytes(deriveUuid(seed, 'vhdx file write')), HEADER.fileWriteGuid);
  header.set(guidBytes(deriveUuid(seed, 'vhdx data write')), HEADER.dataWriteGuid);
  // A log GUID of zeros says that there is nothing in the log.
  header.writeUInt16LE(0, HEADER.logVersion);
  header.writeUInt16LE(1, HEADER.version);
  header.writeUInt32LE(LOG_BYTES, HEADER.logBytes);
  header.writeBigUInt64LE(BigInt(LOG_OFFSET), HEADER.logOffset);
  header.writeUInt32LE(checksumOf(header), HEADER.checksum);
  return header;
}

function encodeRegions(tableBytes: number): Buffer {
  const table = Buffer.alloc(REGION_TABLE_BYTES);
  table.write(REGION_SIGNATURE, 'latin1');
  const regions = [
    { guid: REGION_GUID.table, offset: TABLE_OFFSET, bytes: tableBytes },
    { guid: REGION_GUID.metadata, offset: METADATA_OFFSET, bytes: METADATA_BYTES },
  ];
  table.writeUInt32LE(regions.length, REGION_TABLE.entryCount);
  regions.forEach(({ guid, offset, bytes }, index) => {
    const at = REGION_TABLE.entries + index * REGION_ENTRY.length;
    table.set(guidBytes(guid), at + REGION_ENTRY.guid);
    table.writeBigUInt64LE(BigInt(offset), at + REGION_ENTRY.offset);
    table.writeUInt32LE(bytes, at + REGION_ENTRY.bytes);
    table.writeUInt32LE(1, at + REGION_ENTRY.required);
  });
  table.writeUInt32LE(checksumOf(table), REGION_TABLE.checksum);
  return table;
}

interface MetadataItem {
  readonly guid: string;
  readonly bytes: Buffer;
  readonly flags: number;
}

function encodeMetadata(region: Buffer, sizeBytes: number, identity: ContainerIdentity): void {
  const items = metadataItems(sizeBytes, identity);
  region.write(METADATA_SIGNATURE, 'latin1');
  region.writeUInt16LE(items.length, METADATA_TABLE.entryCount);
  let itemOffset = METADATA_ITEMS;
  items.forEach(({ guid, bytes, flags }, index) => {
    const at = METADATA_TABLE.entries + index * METADATA_ENTRY.length;
    region.set(guidBytes(guid), at + METADATA_ENTRY.guid);
    region.writeUInt32LE(itemOffset, at + METADATA_ENTRY.offset);
    region.writeUInt32LE(bytes.length, at + METADATA_ENTRY.bytes);
    region.writeUInt32LE(flags, at + METADATA_ENTRY.flags);
    region.set(bytes, itemOffset);
    itemOffset += bytes.length;
  });
}

function metadataItems(sizeBytes: number, { seed }: ContainerIdentity): readonly MetadataItem[] {
  const { required, virtualDisk } = METADATA_FLAGS;
  const ofDisk = required | virtualDisk;
  const fileParameters = Buffer.concat([uint32(BLOCK_BYTES), uint32(0)]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(sizeBytes));
  const id = guidBytes(deriveUuid(seed, 'vhdx disk'));
  return [
    { guid: METADATA_GUID.fileParameters, bytes: fileParameters, flags: required },
    { guid: METADATA_GUID.diskSize, bytes: size, flags: ofDisk },
    { guid: METADATA_GUID.diskId, bytes: id, flags: ofDisk },
    { guid: METADATA_GUID.logicalSector, bytes: uint32(SECTOR_BYTES), flags: ofDisk },
    { guid: METADATA_GUID.physicalSector, bytes: uint32(4096), flags: ofDisk },
  ];
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** CRC-32C of RFC 3720, with the field itself zero. */
export function checksumOf(bytes: Uint8Array): number {
  return crc32cOf(bytes);
}
