import { roundUp } from '@slipway/core';
import type { ContainerIdentity } from '../identity.ts';
import type { ByteSink } from '../sequential-file.ts';
import { vmdkDescriptor } from './descriptor.ts';
import {
  COMPRESSION_DEFLATE,
  DESCRIPTOR_SECTOR,
  DESCRIPTOR_SECTORS,
  DIRECTORY_AT_END,
  ENTRY_BYTES,
  FLAGS,
  GRAIN_BYTES,
  GRAIN_SECTORS,
  HEADER,
  MAGIC,
  MARKER,
  MARKER_TYPE,
  OVERHEAD_SECTORS,
  SECTOR_BYTES,
  TABLE_BYTES,
  TABLE_ENTRIES,
  VERSION,
} from './format.ts';

/**
 * A stream-optimized VMDK while it grows: header, packed grains, each grain table behind its grains, the directory, and the
 * footer that says where that is. Never goes back, so that it can stand inside another file.
 */
export class VmdkStream {
  readonly #sink: ByteSink;
  readonly #sizeBytes: number;
  readonly #directory: Buffer;
  #table: Buffer = Buffer.alloc(TABLE_BYTES);
  #tableIndex = -1;

  constructor(sink: ByteSink, sizeBytes: number) {
    this.#sink = sink;
    this.#sizeBytes = sizeBytes;
    this.#directory = Buffer.alloc(Math.ceil(sizeBytes / (GRAIN_BYTES * TABLE_ENTRIES)) * ENTRY_BYTES);
  }

  /** Writes what comes before the first grain. */
  async begin(identity: ContainerIdentity): Promise<void> {
    const front = Buffer.alloc(OVERHEAD_SECTORS * SECTOR_BYTES);
    front.set(encodeHeader(this.#sizeBytes, DIRECTORY_AT_END));
    front.set(vmdkDescriptor(this.#sizeBytes, identity), DESCRIPTOR_SECTOR * SECTOR_BYTES);
    await this.#sink.append(front);
  }

  /** Puts a grain there, packed by zlib; indexes ascend. */
  async add(index: number, packed: Buffer): Promise<void> {
    const tableIndex = Math.floor(index / TABLE_ENTRIES);
    if (tableIndex !== this.#tableIndex) await this.#closeTable();
    this.#tableIndex = tableIndex;
    this.#table.writeUInt32LE(this.#sector(), (index % TABLE_ENTRIES) * ENTRY_BYTES);
    const marked = Buffer.alloc(roundUp(MARKER.bytes + packed.length, SECTOR_BYTES));
    marked.writeBigUInt64LE(BigInt(index * GRAIN_SECTORS), MARKER.value);
    marked.writeUInt32LE(packed.length, MARKER.size);
    marked.set(packed, MARKER.bytes);
    await this.#sink.append(marked);
  }

  /** Writes directory, footer and end. */
  async end(): Promise<void> {
    await this.#closeTable();
    const bytes = Buffer.alloc(roundUp(this.#directory.length, SECTOR_BYTES));
    bytes.set(this.#directory);
    const directorySector = await this.#addMarked(MARKER_TYPE.directory, bytes);
    await this.#addMarked(MARKER_TYPE.footer, encodeHeader(this.#sizeBytes, BigInt(directorySector)));
    await this.#addMarked(MARKER_TYPE.endOfStream, Buffer.alloc(0));
  }

  /** Tables of nothing but zeros are not there. */
  async #closeTable(): Promise<void> {
    if (this.#tableIndex === -1) return;
    const sector = await this.#addMarked(MARKER_TYPE.table, this.#table);
    this.#directory.writeUInt32LE(sector, this.#tableIndex * ENTRY_BYTES);
    this.#table = Buffer.alloc(TABLE_BYTES);
  }

  /** Appends a marker and what it announces, and says where that is. */
  async #addMarked(type: number, bytes: Buffer): Promise<number> {
    const marker = Buffer.alloc(SECTOR_BYTES);
    marker.writeBigUInt64LE(BigInt(bytes.length / SECTOR_BYTES), MARKER.value);
    marker.writeUInt32LE(type, MARKER.type);
    await this.#sink.append(marker);
    const sector = this.#sector();
    await this.#sink.append(bytes);
    return sector;
  }

  #sector(): number {
    return this.#sink.lengthBytes / SECTOR_BYTES;
  }
}

function encodeHeader(sizeBytes: number, directorySector: bigint): Buffer {
  const header = Buffer.alloc(SECTOR_BYTES);
  header.writeUInt32LE(MAGIC, HEADER.magic);
  header.writeUInt32LE(VERSION, HEADER.version);
  header.writeUInt32LE(FLAGS, HEADER.flags);
  header.writeBigUInt64LE(BigInt(sizeBytes / SECTOR_BYTES), HEADER.capacity);
  header.writeBigUInt64LE(BigInt(GRAIN_SECTORS), HEADER.grainSectors);
  header.writeBigUInt64LE(BigInt(DESCRIPTOR_SECTOR), HEADER.descriptorSector);
  header.writeBigUInt64LE(BigInt(DESCRIPTOR_SECTORS), HEADER.descriptorSectors);
  header.writeUInt32LE(TABLE_ENTRIES, HEADER.tableEntries);
  header.writeBigUInt64LE(directorySector, HEADER.directory);
  header.writeBigUInt64LE(BigInt(OVERHEAD_SECTORS), HEADER.overhead);
  // A transfer as text would change these.
  header.write('\n \r\n', HEADER.newlineTest, 'latin1');
  header.writeUInt16LE(COMPRESSION_DEFLATE, HEADER.compression);
  return header;
}
