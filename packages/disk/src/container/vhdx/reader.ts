import { SlipwayError } from '@slipway/core';
import { type DiskSource, type OpenDiskSource, openRawSource } from '../../device/source.ts';
import { formatGuid } from '../../uuid.ts';
import { blockSource, RecentlyRead } from '../block-source.ts';
import {
  BLOCK_STATE,
  ENTRY_BYTES,
  HEADER,
  HEADER_BYTES,
  HEADER_SIGNATURE,
  IDENTIFIER_SIGNATURE,
  METADATA_ENTRY,
  METADATA_GUID,
  METADATA_SIGNATURE,
  METADATA_TABLE,
  MIB,
  MOST_BYTES,
  PLACE,
  REGION_ENTRY,
  REGION_GUID,
  REGION_SIGNATURE,
  REGION_TABLE,
  REGION_TABLE_BYTES,
} from './format.ts';
import { checksumOf } from './front.ts';

const LOG_GUID = 48;
/** By the specification, of either table. */
const MOST_ENTRIES = 2047;
const METADATA_TABLE_BYTES = 64 * 1024;
const HAS_PARENT = 2;
const BLOCK_MIB = { least: 1, most: 256 } as const;
const SECTORS_OF_CHUNK = 2 ** 23;
const PAGE_ENTRIES = 512;
const KEPT_PAGES = 64;
const STATE_MASK = 7n;
const PARTIALLY_PRESENT = 7n;

/** A part of the file. */
interface Region {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** What the metadata say, checked. */
interface VhdxShape {
  readonly sizeBytes: number;
  readonly blockBytes: number;
  readonly sectorBytes: number;
}

/**
 * Opens a VHDX for reading, fixed or dynamic; none with a parent, and none whose log has changes that were not written out.
 *
 * @throws SlipwayError DISK_INVALID, IO_FAILED
 */
export async function openVhdxSource(path: string): Promise<OpenDiskSource> {
  const file = await openRawSource(path);
  try {
    await checkHeaders(file);
    const regions = await readRegions(file);
    const shape = await readMetadata(file, regions.metadata);
    const source = vhdxSource(file, regions.table, shape);
    return { ...source, [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

async function checkHeaders(file: DiskSource): Promise<void> {
  if (file.sizeBytes < MIB) refuse('it is too small');
  const identifier = await file.read(PLACE.identifier, IDENTIFIER_SIGNATURE.length);
  if (identifier.toString('latin1') !== IDENTIFIER_SIGNATURE) refuse('it is none');
  const headers: Buffer[] = [];
  for (const at of PLACE.headers) {
    const header = await file.read(at, HEADER_BYTES);
    if (isSound(header, HEADER_SIGNATURE)) headers.push(header);
  }
  const sequenceOf = (header: Buffer | undefined): bigint => header?.readBigUInt64LE(HEADER.sequence) ?? -1n;
  const current = sequenceOf(headers[1]) > sequenceOf(headers[0]) ? headers[1] : headers[0];
  if (current === undefined) return refuse('both of its headers are damaged');
  if (current.readUInt16LE(HEADER.version) !== 1) refuse('it is of another version');
  if (current.subarray(LOG_GUID, LOG_GUID + 16).some((byte) => byte !== 0)) {
    refuse('its log has changes that were not written out: open it in Hyper-V once');
  }
}

async function readRegions(file: DiskSource): Promise<{ readonly table: Region; readonly metadata: Region }> {
  for (const at of PLACE.regions) {
    const bytes = await file.read(at, REGION_TABLE_BYTES);
    if (isSound(bytes, REGION_SIGNATURE)) return parseRegions(file, bytes);
  }
  return refuse('both of its tables of regions are damaged');
}

function parseRegions(
  file: DiskSource,
  bytes: Buffer,
): { readonly table: Region; readonly metadata: Region } {
  const count = bytes.readUInt32LE(REGION_TABLE.entryCount);
  if (count > MOST_ENTRIES) refuse(`${count} regions`);
  const regions = new Map<string, Region>();
  for (let index = 0; index < count; index++) {
    const at = REGION_TABLE.entries + index * REGION_ENTRY.length;
    const guid = formatGuid(bytes.subarray(at, at + 16));
    const offset = bytes.readBigUInt64LE(at + REGION_ENTRY.offset);
    const sizeBytes = bytes.readUInt32LE(at + REGION_ENTRY.bytes);
    const isKnown = Object.values<string>(REGION_GUID).includes(guid);
    if (!isKnown && bytes.readUInt32LE(at + REGION_ENTRY.required) !== 0) refuse(`the region ${guid}`);
    if (offset + BigInt(sizeBytes) > BigInt(file.sizeBytes)) refuse('a region reaches past its end');
    regions.set(guid, { offsetBytes: Number(offset), sizeBytes });
  }
  const table = regions.get(REGION_GUID.table);
  const metadata = regions.get(REGION_GUID.metadata);
  return table === undefined || metadata === undefined ? refuse('a region is missing') : { table, metadata };
}

async function readMetadata(file: DiskSource, region: Region): Promise<VhdxShape> {
  if (region.sizeBytes < METADATA_TABLE_BYTES) refuse('its metadata are cut short');
  const table = await file.read(region.offsetBytes, METADATA_TABLE_BYTES);
  if (table.toString('latin1', 0, METADATA_SIGNATURE.length) !== METADATA_SIGNATURE)
    refuse('its metadata are damaged');
  const count = table.readUInt16LE(METADATA_TABLE.entryCount);
  if (count > MOST_ENTRIES) refuse(`${count} metadata`);
  const item = async (guid: string, lengthBytes: number): Promise<Buffer> => {
    for (let index = 0; index < count; index++) {
      const at = METADATA_TABLE.entries + index * METADATA_ENTRY.length;
      if (formatGuid(table.subarray(at, at + 16)) !== guid) continue;
      const offset = table.readUInt32LE(at + METADATA_ENTRY.offset);
      if (
        table.readUInt32LE(at + METADATA_ENTRY.bytes) < lengthBytes ||
        offset + lengthBytes > region.sizeBytes
      )
        break;
      return await file.read(region.offsetBytes + offset, lengthBytes);
    }
    return refuse(`the metadata ${guid} are missing or damaged`);
  };
  const parameters = await item(METADATA_GUID.fileParameters, 8);
  if ((parameters.readUInt32LE(4) & HAS_PARENT) !== 0) refuse('it has a parent');
  const blockBytes = parameters.readUInt32LE(0);
  const isPower = Number.isInteger(Math.log2(blockBytes));
  if (!isPower || blockBytes < BLOCK_MIB.least * MIB || blockBytes > BLOCK_MIB.most * MIB) {
    refuse(`blocks of ${blockBytes} bytes`);
  }
  const size = (await item(METADATA_GUID.diskSize, 8)).readBigUInt64LE(0);
  const sectorBytes = (await item(METADATA_GUID.logicalSector, 4)).readUInt32LE(0);
  if (sectorBytes !== 512 && sectorBytes !== 4096) refuse(`sectors of ${sectorBytes} bytes`);
  if (size > BigInt(MOST_BYTES) || size % BigInt(sectorBytes) !== 0n) refuse(`a disk of ${size} bytes`);
  return { sizeBytes: Number(size), blockBytes, sectorBytes };
}

function vhdxSource(
  file: DiskSource,
  table: Region,
  { sizeBytes, blockBytes, sectorBytes }: VhdxShape,
): DiskSource {
  const chunkRatio = (SECTORS_OF_CHUNK * sectorBytes) / blockBytes;
  const entryOf = (block: number): number => block + Math.floor(block / chunkRatio);
  const entries = Math.floor(table.sizeBytes / ENTRY_BYTES);
  const blocks = Math.ceil(sizeBytes / blockBytes);
  if (blocks > 0 && entryOf(blocks - 1) >= entries) refuse('its table of blocks is too short');
  const pages = new RecentlyRead<Buffer>(KEPT_PAGES);

  return blockSource(sizeBytes, blockBytes, async (index, within, length) => {
    const number = entryOf(index);
    const first = Math.floor(number / PAGE_ENTRIES) * PAGE_ENTRIES;
    const count = Math.min(PAGE_ENTRIES, entries - first);
    const page = await pages.get(first, () =>
      file.read(table.offsetBytes + first * ENTRY_BYTES, count * ENTRY_BYTES),
    );
    const entry = page.readBigUInt64LE((number - first) * ENTRY_BYTES);
    const state = entry & STATE_MASK;
    if (state === PARTIALLY_PRESENT) refuse('a block is in its parent in part');
    if (state !== BLOCK_STATE.present) return undefined;
    const offset = (entry >> 20n) * BigInt(MIB);
    if (offset > BigInt(file.sizeBytes)) refuse('a block lies past its end');
    return await file.read(Number(offset) + within, length);
  });
}

function isSound(bytes: Buffer, signature: string): boolean {
  if (bytes.toString('latin1', 0, signature.length) !== signature) return false;
  const plain = Buffer.from(bytes);
  // The tables of regions have theirs at the same place.
  plain.writeUInt32LE(0, HEADER.checksum);
  return checksumOf(plain) === bytes.readUInt32LE(HEADER.checksum);
}

function refuse(why: string): never {
  throw new SlipwayError('DISK_INVALID', `cannot read the VHDX: ${why}`);
}
