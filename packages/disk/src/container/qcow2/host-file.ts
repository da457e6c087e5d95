import { coalescingWriter } from '../../device/coalescing.ts';
import type { PartialFile } from '../../device/partial-file.ts';
import type { Qcow2Compression } from './compression.ts';
import {
  CLUSTER_BITS,
  CLUSTER_BYTES,
  COMPRESSED_OFFSET_BITS,
  COMPRESSION,
  ENTRY_BYTES,
  ENTRY_COMPRESSED_HIGH,
  ENTRY_COPIED_HIGH,
  HEADER,
  HEADER_BYTES,
  INCOMPATIBLE_COMPRESSION,
  L2_ENTRIES,
  MAGIC,
  REFCOUNT_ORDER,
  SECTOR_BYTES,
  VERSION,
} from './format.ts';
import { RefcountLedger } from './refcounts.ts';

/** Whole clusters wait until so many can follow each other: each break in the packed ones costs half a cluster. */
const WAITING_CLUSTERS = 32;

/** A whole cluster that waits for its place: a plain one, or a second-level table. */
interface WaitingCluster {
  readonly bytes: Buffer;
  readonly placed: (offset: number) => void;
}

/**
 * The file behind a qcow2 image while it grows, front to back: packed and plain clusters, second-level tables as soon as
 * their 512 MiB are done, then first-level table and refcounts; the header last, so that a cut-off file is none.
 */
export class Qcow2HostFile {
  readonly #file: PartialFile;
  readonly #writer: ReturnType<typeof coalescingWriter>;
  readonly #refcounts: RefcountLedger = new RefcountLedger();
  readonly #l1: Buffer;
  #l2: Buffer = Buffer.alloc(CLUSTER_BYTES);
  #l2Index = -1;
  #end: number = CLUSTER_BYTES;
  #waiting: WaitingCluster[] = [];

  constructor(file: PartialFile, sizeBytes: number) {
    this.#file = file;
    this.#writer = coalescingWriter((offsetBytes, bytes) => file.write(offsetBytes, bytes));
    this.#l1 = Buffer.alloc(Math.ceil(sizeBytes / (L2_ENTRIES * CLUSTER_BYTES)) * ENTRY_BYTES);
    this.#refcounts.add(0, CLUSTER_BYTES);
  }

  /** Puts a guest cluster there packed; indexes ascend over both kinds. */
  async addPacked(index: number, packed: Buffer): Promise<void> {
    await this.#turnTo(index);
    const offset = this.#end;
    const firstSector = Math.floor(offset / SECTOR_BYTES);
    const lastSector = Math.floor((offset + packed.length - 1) / SECTOR_BYTES);
    const sectorsInHigh = (lastSector - firstSector) * 2 ** (COMPRESSED_OFFSET_BITS - 32);
    const offsetHigh = Math.floor(offset / 2 ** 32);
    setEntry(this.#l2, index % L2_ENTRIES, ENTRY_COMPRESSED_HIGH + sectorsInHigh + offsetHigh, offset);
    this.#refcounts.add(offset, (lastSector + 1) * SECTOR_BYTES - offset);
    this.#end += packed.length;
    await this.#writer.write(offset, packed);
  }

  /** Puts a guest cluster there as it is; the bytes are kept for a while. */
  async addPlain(index: number, bytes: Buffer): Promise<void> {
    await this.#turnTo(index);
    const l2 = this.#l2;
    await this.#wait({
      bytes,
      placed: (offset) =>
        setEntry(l2, index % L2_ENTRIES, ENTRY_COPIED_HIGH + Math.floor(offset / 2 ** 32), offset),
    });
  }

  /** Writes all tables and the header, and gives the file its name. */
  async finish(sizeBytes: number, compression: Qcow2Compression): Promise<void> {
    await this.#closeL2();
    await this.#writeWaiting();
    const l1Offset = await this.#appendAligned(this.#l1);
    this.#refcounts.add(l1Offset, this.#l1.length);
    const tableOffset = this.#align();
    const { table, blocks } = this.#refcounts.encode(tableOffset);
    await this.#appendAligned(table);
    for (const block of blocks) await this.#appendAligned(block);
    await this.#writer.flush();
    const header = encodeHeader({
      sizeBytes,
      compression,
      l1Offset,
      l1Entries: this.#l1.length / ENTRY_BYTES,
      tableOffset,
      tableClusters: table.length / CLUSTER_BYTES,
    });
    await this.#file.write(0, header);
    await this.#file.resize(this.#align());
    await this.#file.commit();
  }

  /** Waits for writes under way and removes the file unless it was finished. */
  async dispose(): Promise<void> {
    await this.#writer.flush().catch(() => undefined);
    await this.#file[Symbol.asyncDispose]();
  }

  async #turnTo(index: number): Promise<void> {
    const l2Index = Math.floor(index / L2_ENTRIES);
    if (l2Index === this.#l2Index) return;
    await this.#closeL2();
    this.#l2Index = l2Index;
  }

  /** The table waits behind the clusters it describes, so that all of them have their place when it is written. */
  async #closeL2(): Promise<void> {
    if (this.#l2Index === -1) return;
    const index = this.#l2Index;
    const bytes = this.#l2;
    this.#l2 = Buffer.alloc(CLUSTER_BYTES);
    await this.#wait({
      bytes,
      placed: (offset) => setEntry(this.#l1, index, ENTRY_COPIED_HIGH + Math.floor(offset / 2 ** 32), offset),
    });
  }

  async #wait(cluster: WaitingCluster): Promise<void> {
    this.#waiting.push(cluster);
    if (this.#waiting.length === WAITING_CLUSTERS) await this.#writeWaiting();
  }

  async #writeWaiting(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { bytes, placed } of waiting) {
      const offset = this.#align();
      this.#refcounts.add(offset, CLUSTER_BYTES);
      placed(offset);
      await this.#appendAligned(bytes);
    }
  }

  #align(): number {
    this.#end = Math.ceil(this.#end / CLUSTER_BYTES) * CLUSTER_BYTES;
    return this.#end;
  }

  async #appendAligned(bytes: Buffer): Promise<number> {
    const offset = this.#align();
    this.#end += bytes.length;
    await this.#writer.write(offset, bytes);
    return offset;
  }
}

/** Writes an entry of a table; the high half of the offset is in `high` already. */
function setEntry(table: Buffer, slot: number, high: number, offset: number): void {
  table.writeUInt32BE(high, slot * ENTRY_BYTES);
  table.writeUInt32BE(offset % 2 ** 32, slot * ENTRY_BYTES + 4);
}

interface HeaderFields {
  readonly sizeBytes: number;
  readonly compression: Qcow2Compression;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly tableOffset: number;
  readonly tableClusters: number;
}

function encodeHeader(fields: HeaderFields): Buffer {
  // The zeros after it are the extension that ends the list of extensions.
  const header = Buffer.alloc(HEADER_BYTES + 8);
  const zstd = fields.compression === 'zstd';
  header.writeUInt32BE(MAGIC, HEADER.magic);
  header.writeUInt32BE(VERSION, HEADER.version);
  header.writeUInt32BE(CLUSTER_BITS, HEADER.clusterBits);
  header.writeBigUInt64BE(BigInt(fields.sizeBytes), HEADER.sizeBytes);
  header.writeUInt32BE(fields.l1Entries, HEADER.l1Entries);
  header.writeBigUInt64BE(BigInt(fields.l1Offset), HEADER.l1Offset);
  header.writeBigUInt64BE(BigInt(fields.tableOffset), HEADER.refcountTableOffset);
  header.writeUInt32BE(fields.tableClusters, HEADER.refcountTableClusters);
  header.writeBigUInt64BE(zstd ? INCOMPATIBLE_COMPRESSION : 0n, HEADER.incompatible);
  header.writeUInt32BE(REFCOUNT_ORDER, HEADER.refcountOrder);
  header.writeUInt32BE(HEADER_BYTES, HEADER.headerBytes);
  header.writeUInt8(zstd ? COMPRESSION.zstd : COMPRESSION.zlib, HEADER.compression);
  return header;
}
