/** qcow2 version 3, QEMU's docs/interop/qcow2.txt. All numbers are big-endian. */

export const MAGIC = 0x514649fb;
export const VERSION = 3;
export const CLUSTER_BITS = 16;
export const CLUSTER_BYTES: number = 2 ** CLUSTER_BITS;
/** With the field for the compression, which version 3 without it lacks. */
export const HEADER_BYTES = 112;
export const SECTOR_BYTES = 512;
/** Refcounts of 2^4 = 16 bits. */
export const REFCOUNT_ORDER = 4;
export const ENTRY_BYTES = 8;
/** Guest clusters one second-level table describes: 512 MiB. */
export const L2_ENTRIES: number = CLUSTER_BYTES / ENTRY_BYTES;

export const HEADER = {
  magic: 0,
  version: 4,
  backingOffset: 8,
  clusterBits: 20,
  sizeBytes: 24,
  encryption: 32,
  l1Entries: 36,
  l1Offset: 40,
  refcountTableOffset: 48,
  refcountTableClusters: 56,
  snapshots: 60,
  incompatible: 72,
  refcountOrder: 96,
  headerBytes: 100,
  compression: 104,
} as const;

/** Says that the compression field counts: anything but zlib. */
export const INCOMPATIBLE_COMPRESSION: bigint = 1n << 3n;
export const COMPRESSION = { zlib: 0, zstd: 1 } as const;

/** High half of a table entry: the cluster has one reference, or is compressed. */
export const ENTRY_COPIED_HIGH = 0x80000000;
export const ENTRY_COMPRESSED_HIGH = 0x40000000;
/** Bits of the offset in an entry of a compressed cluster; the number of further sectors stands above them. */
export const COMPRESSED_OFFSET_BITS: number = 62 - (CLUSTER_BITS - 8);
/** Window of the raw deflate streams: QEMU inflates with no more. */
export const DEFLATE_WINDOW_BITS = 12;
