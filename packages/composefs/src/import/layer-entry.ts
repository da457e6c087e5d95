import { SlipwayError } from '@slipway/core';
import type { TarHeader } from '@slipway/oci';
import type { ByteString, FileContent } from '../tree.ts';

/** A tar entry of a layer whose body, if it has one, is in the store. */
export interface LayerEntry {
  readonly header: TarHeader;
  /** Of a file; undefined for everything else. */
  readonly content: FileContent | undefined;
}

/** Files up to this size stand in the image itself: reading them touches no object (composefs-format section 9). */
export const INLINE_LIMIT_BYTES: number = 64;

/**
 * Entries of all layers of an image together, with the directories they leave out; more is an attack, not an operating system.
 * Thirty times what a large server has, and what the smallest machines that run one can hold as a tree: some 130 bytes each.
 */
export const ENTRY_LIMIT: number = 2_000_000;

/** Extended attributes of one entry. */
export const XATTR_LIMIT: number = 10_000;

/** Longest name in a directory, of every Linux file system. */
const NAME_LIMIT_BYTES = 255;
/** Longest path and symlink target (PATH_MAX with its NUL). */
const PATH_LIMIT_BYTES = 4095;
const XATTR_NAME_LIMIT_BYTES = 255;
const XATTR_VALUE_LIMIT_BYTES = 65_535;
const ID_LIMIT = 2 ** 32 - 1;
/** Device numbers the kernel can hold: 12 and 20 bits. */
const MAJOR_LIMIT = 4095;
const MINOR_LIMIT = 1_048_575;

/** Where an entry stands, for messages. */
export interface EntryPlace {
  /** Digest or name of the layer. */
  readonly layer: string;
  readonly path: ByteString;
}

/**
 * The names on the way to an entry, the root being none. A leading slash is dropped as tar does, `.` and empty names too.
 *
 * @throws SlipwayError LAYER_ENTRY_REFUSED on `..`, NUL, a name of more than 255 bytes, a path of more than 4095
 */
export function entryComponents(path: ByteString, place: EntryPlace): ByteString[] {
  if (path.length > PATH_LIMIT_BYTES) throw refused(place, `its path has ${path.length} bytes`);
  if (path.includes('\0')) throw refused(place, 'there is a NUL in its path');
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  for (const name of names) {
    if (name === '..') throw refused(place, 'its path goes up with ".."');
    if (name.length > NAME_LIMIT_BYTES) throw refused(place, `a name in its path has ${name.length} bytes`);
  }
  return names;
}

/**
 * Checks all that can be wrong with an entry by itself, wherever it goes.
 *
 * @throws SlipwayError LAYER_ENTRY_REFUSED
 */
export function checkEntry(header: TarHeader, place: EntryPlace): void {
  entryComponents(header.path, place);
  checkHeader(header, place);
}

/**
 * Checks what every node must satisfy to be representable.
 *
 * @throws SlipwayError LAYER_ENTRY_REFUSED
 */
export function checkHeader(header: TarHeader, place: EntryPlace): void {
  if (!isCount(header.uid, ID_LIMIT)) throw refused(place, `its owner is ${header.uid}`);
  if (!isCount(header.gid, ID_LIMIT)) throw refused(place, `its group is ${header.gid}`);
  if (!Number.isSafeInteger(header.mtimeSec) || !isCount(header.mtimeNsec, 999_999_999)) {
    throw refused(place, `its time is ${header.mtimeSec}.${header.mtimeNsec}`);
  }
  if (header.kind === 'symlink') checkTarget(header.linkTarget, place);
  if (header.kind === 'character-device' || header.kind === 'block-device') {
    if (!isCount(header.deviceMajor, MAJOR_LIMIT) || !isCount(header.deviceMinor, MINOR_LIMIT)) {
      throw refused(place, `its device number is ${header.deviceMajor}:${header.deviceMinor}`);
    }
  }
  if (header.xattrs.size > XATTR_LIMIT)
    throw refused(place, `it has ${header.xattrs.size} extended attributes`);
  for (const [key, value] of header.xattrs) {
    if (key === '' || key.includes('\0') || key.length > XATTR_NAME_LIMIT_BYTES) {
      throw refused(place, `it has an extended attribute called ${JSON.stringify(key.slice(0, 64))}`);
    }
    if (value.length > XATTR_VALUE_LIMIT_BYTES)
      throw refused(place, `its attribute ${key} has ${value.length} bytes`);
  }
}

/** The refusal of an entry, with layer and entry named. */
export function refused(place: EntryPlace, reason: string): SlipwayError {
  const path = JSON.stringify(place.path.slice(0, 300));
  return new SlipwayError('LAYER_ENTRY_REFUSED', `cannot apply ${path} of layer ${place.layer}: ${reason}`, {
    hint: 'rebuild the image with a tool that writes layers by the OCI image specification',
    details: { layer: place.layer, entry: place.path.slice(0, 300), reason },
  });
}

function checkTarget(target: ByteString, place: EntryPlace): void {
  if (target === '') throw refused(place, 'it is a symlink to nothing');
  if (target.includes('\0')) throw refused(place, 'there is a NUL in its target');
  if (target.length > PATH_LIMIT_BYTES) throw refused(place, `its target has ${target.length} bytes`);
}

function isCount(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= limit;
}
