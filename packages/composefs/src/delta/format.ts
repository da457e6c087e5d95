/**
 * A delta of one layer: how to make its archive again, byte for byte, from files an older image brought. Version 1, private to
 * Slipway; numbers and texts as in `varint.ts`.
 *
 *     0   8  magic "SlipDlt\n"
 *     8   1  version, 1
 *     9   3  zero
 *     12  4  length of the head, little-endian
 *     16     head, then the four sections one after the other; nothing follows
 *
 *     head      diff id of the layer (text), length of its archive, count of old layers, and of each its diff id (text) and
 *               whether its headers are in the dictionary (0, 1); then of each section its length as stored and unpacked
 *     sections  each one zstd stream, or nothing when it unpacks to nothing:
 *               control   the columns below, each its length and then that many bytes
 *               skeleton  what of the archive is not content of files, packed (`skeleton.ts`); with a dictionary made of the
 *                         headers of old layers
 *               diff      differences of bytes, to be added to old ones
 *               extra     bytes as they are
 *
 * The archive is a row of segments: a piece of skeleton, then the content of a file and zeros up to the next block. A segment
 * takes one number of `heads` and `operations`, and by its operation:
 *
 *     copy   `references`: a whole old file
 *     patch  `references`, `sizes`; then of `adds`, `extras` and `seeks` one each, until the size is reached: add so many bytes
 *            of diff to the old file where it stands, take so many of extra, move in the old file by so many
 *     fresh  `sizes`: so many bytes of extra
 *     end    the archive is complete
 *
 * Old files are numbered through all old layers, in the order of their archives, empty ones left out. A reference is the
 * distance from the one after the last (signed), so files in the same order cost nothing.
 */
import { SlipwayError } from '@slipway/core';
import { type Digest, isDigest } from '@slipway/oci';
import { ByteReader, ByteWriter } from '../import/varint.ts';

const MAGIC = Buffer.from('SlipDlt\n', 'latin1');
const VERSION = 1;
/** Length of what stands before the head. */
export const PREFIX_BYTES = 16;
/** Diff ids of four thousand layers, and more. */
const HEAD_LIMIT_BYTES = 1024 * 1024;
const LAYER_LIMIT = 4096;
const DIGEST_TEXT_LIMIT_BYTES = 140;
/** What a reader is ready to hold of the control section: several million files. */
export const CONTROL_LIMIT_BYTES: number = 64 * 1024 * 1024;
/** Longest archive made again; as long as the longest layer taken. */
export const ARCHIVE_LIMIT_BYTES: number = 64 * 2 ** 30;
/** No layer packs better than this, beyond what any may hold: a short delta must not fill a disk. */
const PACKING_LIMIT = 64;
const SMALL_ARCHIVE_BYTES = 64 * 1024 * 1024;
/** Windows of the compressed sections: with larger ones nothing was gained, and a reader holds three of them. */
export const WINDOW_LOG = 23;
/** The dictionary reaches back only as far as the window of its section goes. */
export const SKELETON_WINDOW_LOG = 25;
export const BLOCK_BYTES = 512;

/** What follows a piece of skeleton. */
export const OPERATION = { copy: 0, patch: 1, fresh: 2, end: 3 } as const;

export const SECTIONS = ['control', 'skeleton', 'diff', 'extra'] as const;
export type SectionName = (typeof SECTIONS)[number];

export const COLUMNS = ['heads', 'operations', 'references', 'sizes', 'adds', 'extras', 'seeks'] as const;
export type ColumnName = (typeof COLUMNS)[number];

/** A section as it stands in the delta. */
export interface SectionSize {
  readonly storedBytes: number;
  readonly rawBytes: number;
}

/** A layer of the old image. */
export interface OldLayer {
  readonly diffId: Digest;
  /** Whether its headers are in the dictionary: those of layers the new image has as well say nothing new. */
  readonly inDictionary: boolean;
}

/** What a delta says of itself. */
export interface DeltaHead {
  /** Of the layer it makes. */
  readonly diffId: Digest;
  readonly archiveBytes: number;
  /** All layers of the old image, lowest first. */
  readonly oldLayers: readonly OldLayer[];
  readonly sections: Readonly<Record<SectionName, SectionSize>>;
}

/** Longest archive a delta may make of a layer that is so long as it is transported. */
export function archiveLimit(layerBytes: number): number {
  return SMALL_ARCHIVE_BYTES + layerBytes * PACKING_LIMIT;
}

/** Everything before the sections. */
export function encodeHead(head: DeltaHead): Buffer {
  const writer = new ByteWriter(4096);
  writer.text(head.diffId);
  writer.number(head.archiveBytes);
  writer.number(head.oldLayers.length);
  for (const { diffId, inDictionary } of head.oldLayers) {
    writer.text(diffId);
    writer.number(inDictionary ? 1 : 0);
  }
  for (const name of SECTIONS) {
    writer.number(head.sections[name].storedBytes);
    writer.number(head.sections[name].rawBytes);
  }
  const body = writer.take();
  const prefix = Buffer.alloc(PREFIX_BYTES);
  MAGIC.copy(prefix);
  prefix.writeUInt8(VERSION, 8);
  prefix.writeUInt32LE(body.length, 12);
  return Buffer.concat([prefix, body]);
}

/**
 * Length of the head, from the bytes before it.
 *
 * @throws SlipwayError DELTA_INVALID
 */
export function headLength(prefix: Buffer): number {
  if (prefix.length < PREFIX_BYTES || !prefix.subarray(0, MAGIC.length).equals(MAGIC))
    throw deltaInvalid('it is none');
  const version = prefix.readUInt8(8);
  if (version !== VERSION) throw deltaInvalid(`its version is ${version}, not ${VERSION}`);
  const length = prefix.readUInt32LE(12);
  if (length > HEAD_LIMIT_BYTES) throw deltaInvalid(`its head has ${length} bytes`);
  return length;
}

/**
 * Reads a head and checks it against the length of the whole.
 *
 * @throws SlipwayError DELTA_INVALID
 */
export function decodeHead(bytes: Buffer, deltaBytes: number): DeltaHead {
  const reader = new ByteReader(bytes, deltaInvalid);
  const diffId = readDigest(reader);
  const archiveBytes = reader.number(ARCHIVE_LIMIT_BYTES);
  const count = reader.number(LAYER_LIMIT);
  const oldLayers: OldLayer[] = [];
  for (let index = 0; index < count; index += 1) {
    oldLayers.push({ diffId: readDigest(reader), inDictionary: reader.number(1) === 1 });
  }
  const control = readSection(reader, CONTROL_LIMIT_BYTES);
  // Packing makes a byte at most two.
  const skeleton = readSection(reader, archiveBytes * 2);
  const diff = readSection(reader, archiveBytes);
  const extra = readSection(reader, archiveBytes);
  const sections = { control, skeleton, diff, extra };
  if (!reader.atEnd) throw deltaInvalid('bytes follow its head');
  const total = SECTIONS.reduce((sum, name) => sum + sections[name].storedBytes, 0);
  if (PREFIX_BYTES + bytes.length + total !== deltaBytes)
    throw deltaInvalid('its parts are not as long as it is');
  return { diffId, archiveBytes, oldLayers, sections };
}

/** The error for a delta that cannot be used. */
export function deltaInvalid(reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError('DELTA_INVALID', `cannot use the delta: ${reason}`, {
    hint: 'make it again: slipway delta create',
    details: { reason },
    cause,
  });
}

function readSection(reader: ByteReader, limitBytes: number): SectionSize {
  const storedBytes = reader.number();
  const rawBytes = reader.number(limitBytes);
  if ((storedBytes === 0) !== (rawBytes === 0)) throw deltaInvalid('a section is empty and is not');
  return { storedBytes, rawBytes };
}

function readDigest(reader: ByteReader): Digest {
  const text = reader.text(DIGEST_TEXT_LIMIT_BYTES);
  if (!isDigest(text)) throw deltaInvalid('it names a layer by something that is no digest');
  return text;
}
