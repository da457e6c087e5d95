/**
 * Layers whose files can be fetched one by one: zstd:chunked (containers/storage, "zstd-chunked" and its registry of
 * annotations) and eStargz (stargz-snapshotter, `docs/estargz.md`).
 *
 * Both are plain `tar+zstd` and `tar+gzip` to whoever does not know them: every file's content is a frame, or member, of its own
 * (a large one several), and a table of contents stands at the end, its digest among the annotations of the descriptor.
 *
 *     zstd:chunked   frames of headers and files in turn, then three skippable frames:
 *                    TOC (JSON, zstd), tar-split (JSON lines, zstd), footer (64 bytes)
 *     eStargz        gzip members, the last but one holding the tar entry `stargz.index.json`, then a footer (51 bytes)
 */
import { isDigest } from '../digest.ts';
import type { Descriptor, Digest } from '../image.ts';

/** Annotations of a descriptor. */
export const ANNOTATIONS = {
  /** zstd:chunked: digest of the TOC as it is stored, compressed. */
  tocDigest: 'io.github.containers.zstd-chunked.manifest-checksum',
  /** zstd:chunked: `offset:length:uncompressed length:type` of the TOC. */
  tocPosition: 'io.github.containers.zstd-chunked.manifest-position',
  /** zstd:chunked: `offset:length:uncompressed length` of the tar-split. */
  tarSplitPosition: 'io.github.containers.zstd-chunked.tarsplit-position',
  /** eStargz: digest of the TOC, uncompressed. */
  stargzTocDigest: 'containerd.io/snapshot/stargz/toc.digest',
} as const;

/** The only type of TOC there is: that of CRFS. */
const TOC_TYPE = 1;
/** More than 150 MiB of table of contents is an attack. */
export const MAX_TOC_BYTES: number = 150 * 2 ** 20;
/** Headers and paddings of a layer of ten million files, in base64. */
const MAX_TAR_SPLIT_BYTES = 8 * 2 ** 30;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** Length of the header of a skippable frame: magic and length. */
export const SKIPPABLE_HEADER_BYTES = 8;
const FOOTER_BYTES = 64;
const FOOTER_MAGIC = Buffer.from('GNUlInUx', 'latin1');
/** Length of the footer of eStargz. */
export const STARGZ_FOOTER_BYTES = 51;
/** Name of the tar entry that holds the TOC of eStargz. */
export const STARGZ_TOC_NAME = 'stargz.index.json';

/** Where a part of the blob is. */
export interface BlobPart {
  readonly startBytes: number;
  readonly lengthBytes: number;
  /** Length when decompressed. */
  readonly plainBytes: number;
}

/** What the annotations of a descriptor say of a layer that can be pulled partially. */
export type ChunkedInfo =
  | {
      readonly kind: 'zstd';
      readonly toc: BlobPart;
      readonly tocDigest: Digest;
      readonly tarSplit: BlobPart | undefined;
    }
  | { readonly kind: 'stargz'; readonly tocDigest: Digest };

/**
 * Reads the annotations; undefined when the layer is an ordinary one, or they make no sense: without a digest
 * in the manifest nothing in the blob could be believed, footers included.
 */
export function chunkedInfo({ annotations, size }: Descriptor): ChunkedInfo | undefined {
  const tocDigest = annotations?.[ANNOTATIONS.tocDigest];
  const toc = parsePosition(annotations?.[ANNOTATIONS.tocPosition], 4, size);
  if (tocDigest !== undefined && isDigest(tocDigest) && toc?.type === TOC_TYPE) {
    if (toc.part.plainBytes > MAX_TOC_BYTES) return undefined;
    const tarSplit = parsePosition(annotations?.[ANNOTATIONS.tarSplitPosition], 3, size)?.part;
    const usable = tarSplit !== undefined && tarSplit.plainBytes <= MAX_TAR_SPLIT_BYTES;
    return { kind: 'zstd', toc: toc.part, tocDigest, tarSplit: usable ? tarSplit : undefined };
  }
  const stargz = annotations?.[ANNOTATIONS.stargzTocDigest];
  return stargz !== undefined && isDigest(stargz) ? { kind: 'stargz', tocDigest: stargz } : undefined;
}

interface Position {
  readonly part: BlobPart;
  readonly type: number | undefined;
}

/** `offset:length:uncompressed length[:type]`, inside a blob of this size. */
function parsePosition(text: string | undefined, count: number, sizeBytes: number): Position | undefined {
  const numbers = (text ?? '').split(':').map((field) => (/^[0-9]{1,15}$/.test(field) ? Number(field) : -1));
  const [startBytes = -1, lengthBytes = -1, plainBytes = -1, type] = numbers;
  if (numbers.length !== count || numbers.includes(-1) || lengthBytes === 0) return undefined;
  if (startBytes + lengthBytes > sizeBytes) return undefined;
  return { part: { startBytes, lengthBytes, plainBytes }, type };
}

/** The annotations for a layer written with these parts. */
export function chunkedAnnotations(
  tocDigest: Digest,
  toc: BlobPart,
  tarSplit: BlobPart,
): Readonly<Record<string, string>> {
  return {
    [ANNOTATIONS.tocDigest]: tocDigest,
    [ANNOTATIONS.tocPosition]: `${toc.startBytes}:${toc.lengthBytes}:${toc.plainBytes}:${TOC_TYPE}`,
    [ANNOTATIONS.tarSplitPosition]: `${tarSplit.startBytes}:${tarSplit.lengthBytes}:${tarSplit.plainBytes}`,
  };
}

/** A frame decoders pass over (RFC 8878, section 3.1.2). */
export function skippableFrame(content: Uint8Array): Buffer {
  const header = Buffer.alloc(SKIPPABLE_HEADER_BYTES);
  header.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  header.writeUInt32LE(content.length, 4);
  return Buffer.concat([header, content]);
}

/** The last frame: eight numbers of 64 bits, little-endian, the last one a magic. */
export function footerFrame(toc: BlobPart, tarSplit: BlobPart): Buffer {
  const footer = Buffer.alloc(FOOTER_BYTES);
  const numbers = [
    toc.startBytes,
    toc.lengthBytes,
    toc.plainBytes,
    TOC_TYPE,
    tarSplit.startBytes,
    tarSplit.lengthBytes,
    tarSplit.plainBytes,
  ];
  for (const [index, value] of numbers.entries()) footer.writeBigUInt64LE(BigInt(value), index * 8);
  FOOTER_MAGIC.copy(footer, FOOTER_BYTES - FOOTER_MAGIC.length);
  return skippableFrame(footer);
}

/** Where the TOC of eStargz begins, by its footer: an empty gzip member whose extra field says so; undefined when it is none. */
export function parseStargzFooter(footer: Buffer): number | undefined {
  const isFooter =
    footer.length === STARGZ_FOOTER_BYTES &&
    footer[0] === 0x1f &&
    footer[1] === 0x8b &&
    footer.toString('latin1', 12, 14) === 'SG' &&
    footer.toString('latin1', 32, 38) === 'STARGZ';
  const digits = footer.toString('latin1', 16, 32);
  return isFooter && /^[0-9a-f]{16}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}
