import { digestBytesOf, type VerityAlgorithm } from '../verity/algorithm.ts';
import {
  type AttributeValue,
  digestValueOf,
  entryBytes,
  objectPair,
  splitKey,
  valueText,
} from './attribute-table.ts';
import { METACOPY, REDIRECT } from './digest-value.ts';
import { OVERLAY, XATTR_ENTRY, XATTR_HEADER, XATTR_SHARED_MAX } from './format.ts';
import { ImageOutput } from './image-output.ts';
import type { ImageView } from './image-view.ts';
import type { NodeAttributes } from './node-attributes.ts';

/** The attributes more than one inode has, each at its place in the table (composefs-format section 7.4). */
export interface SharedTable {
  readonly entries: readonly AttributeValue[];
  readonly sizeBytes: number;
}

/** Gives shared pairs their places: names descending, then longer values first, then values descending. */
export function layoutSharedTable(shared: AttributeValue[]): SharedTable {
  let sizeBytes = 0;
  for (const entry of shared.sort(inTableOrder)) {
    entry.sharedOffset = sizeBytes;
    sizeBytes += entryBytes(entry);
  }
  return { entries: shared, sizeBytes };
}

/** Bytes of the attribute body of an inode; 0 without attributes. */
export function xattrBodyBytes(attributes: NodeAttributes, node: number): number {
  const digest = attributes.plainDigest(node);
  return digest === undefined ? listBytes(attributes.of(node)) : objectBodyOf(digest).bytes.length;
}

function listBytes(attributes: readonly AttributeValue[]): number {
  if (attributes.length === 0) return 0;
  let bytes: number = XATTR_HEADER.sizeBytes;
  let references = 0;
  for (const value of attributes) {
    if (value.uses > 1 && references < XATTR_SHARED_MAX) {
      references += 1;
      bytes += 4;
    } else {
      bytes += entryBytes(value);
    }
  }
  return bytes;
}

/**
 * Writes the attribute body of an inode: filter, shared references, then what is not shared.
 *
 * @param sharedStart offset of the shared table from the block the superblock names
 */
export function writeXattrBody(
  image: ImageOutput,
  offset: number,
  attributes: NodeAttributes,
  node: number,
  sharedStart: number,
): void {
  const digest = attributes.plainDigest(node);
  if (digest === undefined) writeList(image, offset, attributes.of(node), sharedStart);
  else writeObjectBody(image, offset, digest);
}

function writeList(
  image: ImageOutput,
  offset: number,
  attributes: readonly AttributeValue[],
  sharedStart: number,
): void {
  let filter = 0;
  let references = 0;
  for (const value of attributes) {
    filter |= value.key.filterBit;
    if (value.uses === 1 || references === XATTR_SHARED_MAX) continue;
    image.u32(offset + XATTR_HEADER.sizeBytes + references * 4, (sharedStart + value.sharedOffset) / 4);
    references += 1;
  }
  image.u32(offset + XATTR_HEADER.nameFilter, ~filter);
  image.u8(offset + XATTR_HEADER.sharedCount, references);
  let at = offset + XATTR_HEADER.sizeBytes + references * 4;
  let sharedSeen = 0;
  for (const value of attributes) {
    if (value.uses > 1 && sharedSeen < references) {
      sharedSeen += 1;
      continue;
    }
    writeEntry(image, at, value);
    at += entryBytes(value);
  }
}

/** The attribute body of a file with an object of its own, complete but for the two values that follow from the digest. */
interface ObjectBody {
  readonly bytes: Buffer;
  readonly metacopyOffset: number;
  readonly redirectOffset: number;
}

function objectBody(algorithm: VerityAlgorithm): ObjectBody {
  const [metacopyKey, redirectKey] = [splitKey(OVERLAY.metacopy), splitKey(OVERLAY.redirect)];
  const pair = objectPair(metacopyKey, redirectKey, Buffer.alloc(digestBytesOf(algorithm)));
  const body = ImageOutput.whole(listBytes(pair));
  writeList(body, 0, pair, 0);
  const first = XATTR_HEADER.sizeBytes;
  return {
    bytes: body.bytes,
    metacopyOffset: first + XATTR_ENTRY.sizeBytes + metacopyKey.suffix.length,
    redirectOffset: first + entryBytes(pair[0]) + XATTR_ENTRY.sizeBytes + redirectKey.suffix.length,
  };
}

const OBJECT_BODIES = { sha256: objectBody('sha256'), sha512: objectBody('sha512') } as const;

function objectBodyOf(digest: Uint8Array): ObjectBody {
  return digest.length === digestBytesOf('sha256') ? OBJECT_BODIES.sha256 : OBJECT_BODIES.sha512;
}

/**
 * The digest an attribute body leads to, where it is the very body the writer makes of a digest and nothing else: most files
 * of an image. Undefined for any other body, which may be as good.
 */
export function digestOfObjectBody(image: ImageView, offset: number, bodyBytes: number): Buffer | undefined {
  const algorithm = algorithmOfObjectBody(bodyBytes);
  if (algorithm === undefined) return undefined;
  const { metacopyOffset } = OBJECT_BODIES[algorithm];
  const digest = image.bytes(
    offset + metacopyOffset + METACOPY.sizeBytes(NO_BYTES),
    digestBytesOf(algorithm),
  );
  const expected = EXPECTED_BODIES[algorithm];
  writeObjectBody(expected, 0, digest);
  return image.holds(offset, expected.bytes) ? digest : undefined;
}

function algorithmOfObjectBody(bodyBytes: number): VerityAlgorithm | undefined {
  if (bodyBytes === OBJECT_BODIES.sha256.bytes.length) return 'sha256';
  return bodyBytes === OBJECT_BODIES.sha512.bytes.length ? 'sha512' : undefined;
}

const NO_BYTES = new Uint8Array(0);
/** Only ever used between two synchronous steps. */
const EXPECTED_BODIES = {
  sha256: ImageOutput.whole(OBJECT_BODIES.sha256.bytes.length),
  sha512: ImageOutput.whole(OBJECT_BODIES.sha512.bytes.length),
} as const;

function writeObjectBody(image: ImageOutput, offset: number, digest: Uint8Array): void {
  const { bytes, metacopyOffset, redirectOffset } = objectBodyOf(digest);
  image.set(offset, bytes);
  image.write(offset + metacopyOffset, digest, METACOPY);
  image.write(offset + redirectOffset, digest, REDIRECT);
}

/** Writes an entry, in the shared table or an inode. */
export function writeEntry(image: ImageOutput, offset: number, attribute: AttributeValue): void {
  const { key, value, valueBytes } = attribute;
  image.u8(offset + XATTR_ENTRY.nameLength, key.suffix.length);
  image.u8(offset + XATTR_ENTRY.prefixIndex, key.prefixIndex);
  image.u16(offset + XATTR_ENTRY.valueLength, valueBytes);
  image.latin1(offset + XATTR_ENTRY.sizeBytes, key.suffix);
  const valueOffset = offset + XATTR_ENTRY.sizeBytes + key.suffix.length;
  if (typeof value === 'string') image.latin1(valueOffset, value);
  else image.write(valueOffset, value, digestValueOf(key));
}

function inTableOrder(a: AttributeValue, b: AttributeValue): number {
  if (a.key !== b.key) return a.key.key < b.key.key ? 1 : -1;
  if (a.valueBytes !== b.valueBytes) return b.valueBytes - a.valueBytes;
  return -compareValues(a, b);
}

/** Values of one name and length, in byte order; those of two objects compare as their digests do. */
function compareValues(a: AttributeValue, b: AttributeValue): number {
  if (typeof a.value !== 'string' && typeof b.value !== 'string') return Buffer.compare(a.value, b.value);
  return valueText(a) < valueText(b) ? -1 : 1;
}
