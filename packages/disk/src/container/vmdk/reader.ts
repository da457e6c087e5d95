import { promisify } from 'node:util';
import { type InputType, inflate, type ZlibOptions } from 'node:zlib';
import { SlipwayError } from '@slipway/core';
import { type DiskSource, type OpenDiskSource, openRawSource } from '../../device/source.ts';
import { blockSource, RecentlyRead } from '../block-source.ts';
import {
  COMPRESSION_DEFLATE,
  DIRECTORY_AT_END,
  ENTRY_BYTES,
  HEADER,
  MAGIC,
  MARKER,
  MOST_BYTES,
  SECTOR_BYTES,
  TABLE_BYTES,
  TABLE_ENTRIES,
} from './format.ts';

const inflateGrain: (bytes: InputType, options: ZlibOptions) => Promise<Buffer> = promisify<
  InputType,
  ZlibOptions,
  Buffer
>(inflate);

/** Compressed grains, and markers. */
const NEEDED_FLAGS = 0x0003_0000;
const GRAIN_SECTORS = { least: 8, most: 2048 } as const;
/** Footer and end of the stream: a sector each, behind the marker of the footer. */
const FOOTER_FROM_END = 2 * SECTOR_BYTES;
const KEPT_TABLES = 64;
const KEPT_GRAINS = 16;

/** What header or footer say, checked. */
interface VmdkShape {
  readonly sizeBytes: number;
  readonly grainBytes: number;
  readonly directory: Buffer;
}

/**
 * Opens a stream-optimized VMDK for reading.
 *
 * @throws SlipwayError DISK_INVALID, IO_FAILED
 */
export async function openVmdkSource(path: string): Promise<OpenDiskSource> {
  const file = await openRawSource(path);
  try {
    const source = vmdkSource(file, await readShape(file));
    return { ...source, [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

async function readShape(file: DiskSource): Promise<VmdkShape> {
  if (file.sizeBytes < FOOTER_FROM_END) refuse('it is too small');
  const first = await readHeader(file, 0);
  const isStream = first.readBigUInt64LE(HEADER.directory) === DIRECTORY_AT_END;
  const header = isStream ? await readHeader(file, file.sizeBytes - FOOTER_FROM_END) : first;
  const sectors = header.readBigUInt64LE(HEADER.capacity);
  if (sectors > BigInt(MOST_BYTES / SECTOR_BYTES)) refuse(`a disk of ${sectors} sectors`);
  const grainSectors = Number(header.readBigUInt64LE(HEADER.grainSectors));
  const isPower = Number.isInteger(Math.log2(grainSectors));
  if (!isPower || grainSectors < GRAIN_SECTORS.least || grainSectors > GRAIN_SECTORS.most) {
    refuse(`grains of ${grainSectors} sectors`);
  }
  if (header.readUInt32LE(HEADER.tableEntries) !== TABLE_ENTRIES) refuse('tables of another length');
  const sizeBytes = Number(sectors) * SECTOR_BYTES;
  const grainBytes = grainSectors * SECTOR_BYTES;
  const directoryBytes = Math.ceil(sizeBytes / (grainBytes * TABLE_ENTRIES)) * ENTRY_BYTES;
  const directorySector = header.readBigUInt64LE(HEADER.directory);
  if (directorySector > BigInt(file.sizeBytes)) refuse('its directory lies past its end');
  const directory = await file.read(Number(directorySector) * SECTOR_BYTES, directoryBytes);
  return { sizeBytes, grainBytes, directory };
}

async function readHeader(file: DiskSource, at: number): Promise<Buffer> {
  const header = await file.read(at, SECTOR_BYTES);
  if (header.readUInt32LE(HEADER.magic) !== MAGIC) refuse(at === 0 ? 'it is none' : 'it has no footer');
  const version = header.readUInt32LE(HEADER.version);
  if (version < 1 || version > 3) refuse(`version ${version}`);
  const flags = header.readUInt32LE(HEADER.flags);
  const isPacked = header.readUInt16LE(HEADER.compression) === COMPRESSION_DEFLATE;
  if ((flags & NEEDED_FLAGS) !== NEEDED_FLAGS || !isPacked) refuse('it is not stream-optimized');
  return header;
}

function vmdkSource(file: DiskSource, { sizeBytes, grainBytes, directory }: VmdkShape): DiskSource {
  const tables = new RecentlyRead<Buffer>(KEPT_TABLES);
  const grains = new RecentlyRead<Buffer>(KEPT_GRAINS);

  /** Sector of the marker of a grain; 0 and 1 where it reads as zeros. */
  async function sectorOf(index: number): Promise<number> {
    const table = directory.readUInt32LE(Math.floor(index / TABLE_ENTRIES) * ENTRY_BYTES);
    if (table === 0) return 0;
    const entries = await tables.get(table, () => file.read(table * SECTOR_BYTES, TABLE_BYTES));
    return entries.readUInt32LE((index % TABLE_ENTRIES) * ENTRY_BYTES);
  }

  return blockSource(sizeBytes, grainBytes, async (index, within, length) => {
    const sector = await sectorOf(index);
    if (sector < 2) return undefined;
    const grain = await grains.get(index, () => readGrain(file, index, sector, grainBytes));
    return grain.subarray(within, within + length);
  });
}

async function readGrain(
  file: DiskSource,
  index: number,
  sector: number,
  grainBytes: number,
): Promise<Buffer> {
  const at = sector * SECTOR_BYTES;
  const marker = await file.read(at, MARKER.bytes);
  const packedBytes = marker.readUInt32LE(MARKER.size);
  if (marker.readBigUInt64LE(MARKER.value) * BigInt(SECTOR_BYTES) !== BigInt(index) * BigInt(grainBytes)) {
    refuse('a grain is not where its table says');
  }
  // What does not pack grows by a few bytes.
  if (packedBytes > 2 * grainBytes) refuse(`a grain of ${packedBytes} packed bytes`);
  const packed = await file.read(at + MARKER.bytes, packedBytes);
  const grain = await inflateGrain(packed, { maxOutputLength: grainBytes }).catch((cause: unknown) => {
    throw new SlipwayError('DISK_INVALID', 'cannot read the VMDK: a grain is damaged', { cause });
  });
  // The last one may end with the disk; what is missing reads as zeros.
  return Buffer.concat([grain, Buffer.alloc(grainBytes - grain.length)]);
}

function refuse(why: string): never {
  throw new SlipwayError('DISK_INVALID', `cannot read the VMDK: ${why}`);
}
