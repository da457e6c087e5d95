import { roundUp, SlipwayError } from '@slipway/core';
import { type DiskSource, type OpenDiskSource, openRawSource, sourceWindow } from '../../device/source.ts';
import { blockSource, RecentlyRead } from '../block-source.ts';
import { checksumOf } from './footer.ts';
import {
  DISK_TYPE,
  DYNAMIC_COOKIE,
  DYNAMIC_HEADER,
  DYNAMIC_HEADER_BYTES,
  FOOTER,
  FOOTER_BYTES,
  FOOTER_COOKIE,
  MOST_BYTES,
  NOT_PRESENT,
  SECTOR_BYTES,
} from './format.ts';

const ENTRY_BYTES = 4;
/** Entries of the table read at a time. */
const PAGE_ENTRIES = 1024;
const KEPT = 64;
const BLOCK_BITS = { least: 12, most: 28 } as const;

/**
 * Opens a VHD for reading, fixed or dynamic; none with a parent. Its size is the one in bytes, not that of the geometry.
 *
 * @throws SlipwayError DISK_INVALID, IO_FAILED
 */
export async function openVhdSource(path: string): Promise<OpenDiskSource> {
  const file = await openRawSource(path);
  try {
    const source = await vhdSource(file);
    return { ...source, [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

async function vhdSource(file: DiskSource): Promise<DiskSource> {
  const footer = await readFooter(file);
  const sizeBytes = Number(footer.readBigUInt64BE(FOOTER.currentSize));
  if (sizeBytes > MOST_BYTES || sizeBytes % SECTOR_BYTES !== 0) refuse(`a disk of ${sizeBytes} bytes`);
  const type = footer.readUInt32BE(FOOTER.diskType);
  if (type === DISK_TYPE.fixed) return fixedSource(file, sizeBytes);
  if (type === DISK_TYPE.dynamic) return await dynamicSource(file, footer, sizeBytes);
  return refuse(type === 4 ? 'it has a parent' : `type ${type}`);
}

function fixedSource(file: DiskSource, sizeBytes: number): DiskSource {
  if (sizeBytes > file.sizeBytes - FOOTER_BYTES) refuse('it ends early');
  return sourceWindow(file, 0, sizeBytes);
}

/** The last sector; of a dynamic disk cut short, its copy at the front. */
async function readFooter(file: DiskSource): Promise<Buffer> {
  if (file.sizeBytes < FOOTER_BYTES) refuse('it is too small');
  for (const at of [file.sizeBytes - FOOTER_BYTES, 0]) {
    const footer = await file.read(at, FOOTER_BYTES);
    if (isSound(footer, FOOTER_COOKIE, FOOTER.checksum)) return footer;
  }
  return refuse('it has no footer');
}

async function dynamicSource(file: DiskSource, footer: Buffer, sizeBytes: number): Promise<DiskSource> {
  const header = await file.read(offsetIn(footer, FOOTER.dataOffset), DYNAMIC_HEADER_BYTES);
  if (!isSound(header, DYNAMIC_COOKIE, DYNAMIC_HEADER.checksum)) refuse('the header of blocks is damaged');
  const blockBytes = header.readUInt32BE(DYNAMIC_HEADER.blockBytes);
  const bits = Math.log2(blockBytes);
  if (!Number.isInteger(bits) || bits < BLOCK_BITS.least || bits > BLOCK_BITS.most) {
    refuse(`blocks of ${blockBytes} bytes`);
  }
  const entries = header.readUInt32BE(DYNAMIC_HEADER.tableEntries);
  const tableOffset = offsetIn(header, DYNAMIC_HEADER.tableOffset);
  if (entries < Math.ceil(sizeBytes / blockBytes)) refuse('its table is too short');
  if (tableOffset + entries * ENTRY_BYTES > file.sizeBytes) refuse('its table reaches past its end');
  const bitmapBytes = roundUp(blockBytes / SECTOR_BYTES / 8, SECTOR_BYTES);
  const pages = new RecentlyRead<Buffer>(KEPT);
  const bitmaps = new RecentlyRead<Buffer>(KEPT);

  async function sectorOf(index: number): Promise<number> {
    const first = Math.floor(index / PAGE_ENTRIES) * PAGE_ENTRIES;
    const count = Math.min(PAGE_ENTRIES, entries - first);
    const page = await pages.get(first, () =>
      file.read(tableOffset + first * ENTRY_BYTES, count * ENTRY_BYTES),
    );
    return page.readUInt32BE((index - first) * ENTRY_BYTES);
  }

  return blockSource(sizeBytes, blockBytes, async (index, within, length) => {
    const sector = await sectorOf(index);
    if (sector === NOT_PRESENT) return undefined;
    const offset = sector * SECTOR_BYTES;
    const bitmap = await bitmaps.get(offset, () => file.read(offset, bitmapBytes));
    const bytes = await file.read(offset + bitmapBytes + within, length);
    blankMissing(bytes, bitmap, within);
    return bytes;
  });
}

/** Sectors without a bit read as zeros, whatever stands there. */
function blankMissing(bytes: Buffer, bitmap: Buffer, within: number): void {
  for (let at = 0; at < bytes.length; ) {
    const sector = Math.floor((within + at) / SECTOR_BYTES);
    const end = Math.min(bytes.length, (sector + 1) * SECTOR_BYTES - within);
    const isThere = (((bitmap[sector >> 3] ?? 0) >> (7 - (sector & 7))) & 1) === 1;
    if (!isThere) bytes.fill(0, at, end);
    at = end;
  }
}

function isSound(bytes: Buffer, cookie: string, checksumAt: number): boolean {
  if (bytes.toString('latin1', 0, cookie.length) !== cookie) return false;
  const plain = Buffer.from(bytes);
  plain.writeUInt32BE(0, checksumAt);
  return checksumOf(plain) === bytes.readUInt32BE(checksumAt);
}

function offsetIn(bytes: Buffer, at: number): number {
  const offset = bytes.readBigUInt64BE(at);
  return offset > BigInt(Number.MAX_SAFE_INTEGER) ? refuse(`an offset of ${offset}`) : Number(offset);
}

function refuse(why: string): never {
  throw new SlipwayError('DISK_INVALID', `cannot read the VHD: ${why}`);
}
