import { inflateRawSync, zstdDecompressSync } from 'node:zlib';
import { SlipwayError } from '@slipway/core';
import { checkRange, type DiskSource, type OpenDiskSource, openRawSource } from '../../device/source.ts';
import {
  COMPRESSION,
  ENTRY_BYTES,
  HEADER,
  HEADER_BYTES,
  INCOMPATIBLE_COMPRESSION,
  MAGIC,
  SECTOR_BYTES,
} from './format.ts';

/** What the header of a qcow2 image says, checked. */
interface Qcow2Shape {
  readonly sizeBytes: number;
  readonly clusterBits: number;
  readonly clusterBytes: number;
  readonly l1: Buffer;
  readonly compression: 'zlib' | 'zstd';
}

const OFFSET_MASK = 0x00fffffffffffe00n;
const COMPRESSED = 1n << 62n;
const ZERO = 1n;
const MAX_DISK_BYTES = 2 ** 50;
const MAX_L1_BYTES = 32 * 1024 * 1024;
const KEPT_TABLES = 64;
const KEPT_CLUSTERS = 16;

/**
 * Opens a qcow2 image for reading: versions 2 and 3, plain, zlib and zstd; no backing file, encryption, external data file or
 * extended entries.
 *
 * @throws SlipwayError DISK_INVALID, IO_FAILED
 */
export async function openQcow2Source(path: string): Promise<OpenDiskSource> {
  const file = await openRawSource(path);
  try {
    const shape = await readShape(file);
    return { ...qcow2Source(file, shape), [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

async function readShape(file: DiskSource): Promise<Qcow2Shape> {
  const header = Buffer.alloc(HEADER_BYTES);
  header.set(await file.read(0, Math.min(HEADER_BYTES, file.sizeBytes)));
  if (header.readUInt32BE(HEADER.magic) !== MAGIC) refuse('it is not a qcow2 image');
  const version = header.readUInt32BE(HEADER.version);
  if (version !== 2 && version !== 3) refuse(`version ${version}`);
  const clusterBits = header.readUInt32BE(HEADER.clusterBits);
  if (clusterBits < 9 || clusterBits > 21) refuse(`clusters of 2^${clusterBits} bytes`);
  const size = header.readBigUInt64BE(HEADER.sizeBytes);
  if (size > BigInt(MAX_DISK_BYTES)) refuse(`a disk of ${size} bytes`);
  if (header.readBigUInt64BE(HEADER.backingOffset) !== 0n) refuse('it has a backing file');
  if (header.readUInt32BE(HEADER.encryption) !== 0) refuse('it is encrypted');
  const incompatible = version === 3 ? header.readBigUInt64BE(HEADER.incompatible) : 0n;
  if ((incompatible & ~INCOMPATIBLE_COMPRESSION) !== 0n) refuse(`features 0x${incompatible.toString(16)}`);
  const compression = incompatible === 0n ? COMPRESSION.zlib : header.readUInt8(HEADER.compression);
  if (compression !== COMPRESSION.zlib && compression !== COMPRESSION.zstd)
    refuse(`compression ${compression}`);
  const l1Bytes = header.readUInt32BE(HEADER.l1Entries) * ENTRY_BYTES;
  const clusterBytes = 2 ** clusterBits;
  const neededL1Bytes = Math.ceil(Number(size) / (clusterBytes * (clusterBytes / ENTRY_BYTES))) * ENTRY_BYTES;
  if (l1Bytes > MAX_L1_BYTES || l1Bytes < neededL1Bytes) refuse(`a first-level table of ${l1Bytes} bytes`);
  const l1 = await file.read(Number(header.readBigUInt64BE(HEADER.l1Offset)), l1Bytes);
  return {
    sizeBytes: Number(size),
    clusterBits,
    clusterBytes,
    l1,
    compression: compression === COMPRESSION.zstd ? 'zstd' : 'zlib',
  };
}

function qcow2Source(file: DiskSource, shape: Qcow2Shape): DiskSource {
  const { sizeBytes, clusterBytes, clusterBits } = shape;
  const entriesPerTable = clusterBytes / ENTRY_BYTES;
  const tables = new Map<number, Buffer>();
  const clusters = new Map<number, Buffer>();

  async function entryOf(cluster: number): Promise<bigint> {
    const l1Entry = shape.l1.readBigUInt64BE(Math.floor(cluster / entriesPerTable) * ENTRY_BYTES);
    const offset = Number(l1Entry & OFFSET_MASK);
    if (offset === 0) return 0n;
    const table = tables.get(offset) ?? (await file.read(offset, clusterBytes));
    remember(tables, offset, table, KEPT_TABLES);
    return table.readBigUInt64BE((cluster % entriesPerTable) * ENTRY_BYTES);
  }

  /** A guest cluster; undefined where it reads as zeros. */
  async function readCluster(cluster: number): Promise<Buffer | undefined> {
    const entry = await entryOf(cluster);
    if ((entry & COMPRESSED) !== 0n) return await readPacked(cluster, entry);
    const offset = Number(entry & OFFSET_MASK);
    if (offset === 0 || (entry & ZERO) !== 0n) return undefined;
    // The last cluster of a file may be cut short; what is missing reads as zeros.
    return await file.read(offset, Math.min(clusterBytes, Math.max(0, file.sizeBytes - offset)));
  }

  async function readPacked(cluster: number, entry: bigint): Promise<Buffer> {
    const known = clusters.get(cluster);
    if (known !== undefined) return known;
    const offsetBits = BigInt(62 - (clusterBits - 8));
    const offset = Number(entry & ((1n << offsetBits) - 1n));
    const sectors = Number((entry & (COMPRESSED - 1n)) >> offsetBits) + 1;
    const end = (Math.floor(offset / SECTOR_BYTES) + sectors) * SECTOR_BYTES;
    const packed = await file.read(offset, Math.min(end, file.sizeBytes) - offset);
    const plain = unpack(packed, shape);
    remember(clusters, cluster, plain, KEPT_CLUSTERS);
    return plain;
  }

  return {
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange(sizeBytes, offsetBytes, lengthBytes);
      const result = Buffer.alloc(lengthBytes);
      for (let done = 0; done < lengthBytes; ) {
        const within = (offsetBytes + done) % clusterBytes;
        const length = Math.min(clusterBytes - within, lengthBytes - done);
        const cluster = await readCluster(Math.floor((offsetBytes + done) / clusterBytes));
        cluster?.copy(result, done, within, within + length);
        done += length;
      }
      return result;
    },
  };
}

function unpack(packed: Buffer, { clusterBytes, compression }: Qcow2Shape): Buffer {
  try {
    // What follows the frame up to the end of its sector belongs to the next one.
    const options = { maxOutputLength: clusterBytes };
    const plain =
      compression === 'zstd'
        ? zstdDecompressSync(firstFrame(packed), options)
        : inflateRawSync(packed, options);
    if (plain.length === clusterBytes) return plain;
  } catch (cause) {
    throw new SlipwayError('DISK_INVALID', 'cannot read the qcow2 image: a packed cluster is damaged', {
      cause,
    });
  }
  return refuse('a packed cluster has the wrong length');
}

/** The first zstd frame of some bytes (RFC 8878): its blocks say where it ends. */
function firstFrame(bytes: Buffer): Buffer {
  const descriptor = bytes.readUInt8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const contentSizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let at = 5 + (singleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
  for (;;) {
    const block = bytes.readUIntLE(at, 3);
    const isRepeated = ((block >> 1) & 3) === 1;
    at += 3 + (isRepeated ? 1 : block >> 3);
    if ((block & 1) === 1) break;
  }
  return bytes.subarray(0, at + ((descriptor & 0x04) === 0 ? 0 : 4));
}

function remember<T>(cache: Map<number, T>, key: number, value: T, most: number): void {
  cache.delete(key);
  cache.set(key, value);
  for (const oldest of cache.keys()) {
    if (cache.size <= most) break;
    cache.delete(oldest);
  }
}

function refuse(why: string): never {
  throw new SlipwayError('DISK_INVALID', `cannot read the qcow2 image: ${why}`);
}
