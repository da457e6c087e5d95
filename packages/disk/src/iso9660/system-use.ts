/** What Rock Ridge fields say, read from media of anybody. */
import type { DiskSource } from '../device/source.ts';
import {
  FIELD_BYTES,
  FIELD_HEADER_BYTES,
  GOES_ON,
  SECTOR_BYTES,
  SL_CURRENT,
  SL_PARENT,
  SL_ROOT,
  TF_LONG,
  TF_MODIFY,
} from './format.ts';
import { refuse } from './refuse.ts';
import { decodeTime, TIME_BYTES } from './time.ts';

/** What the fields of a record say; what is absent they do not say. */
export interface SystemUse {
  readonly name?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly links?: number;
  readonly serial?: number;
  readonly mtimeSec?: number;
  readonly target?: string;
  readonly device?: { readonly major: number; readonly minor: number };
}

type Found = { -readonly [key in keyof SystemUse]: SystemUse[key] };

/** Longer chains say nothing anybody reads. */
const MOST_AREAS = 64;
const MOST_NAME = 1024;
const MOST_TARGET = 4096;

/** Reads the fields of a record and of all areas they lead to. */
export async function readSystemUse(source: DiskSource, own: Buffer): Promise<SystemUse> {
  const found: Found = {};
  const link = new LinkText();
  let bytes: Buffer | undefined = own;
  for (let areas = 0; bytes !== undefined; areas += 1) {
    if (areas > MOST_AREAS) refuse('fields of a record go on without an end');
    const next = takeFields(bytes, found, link);
    bytes = next === undefined ? undefined : await readArea(source, next);
  }
  const target = link.text();
  return target === undefined ? found : { ...found, target };
}

async function readArea(source: DiskSource, field: Buffer): Promise<Buffer> {
  const offsetBytes = field.readUInt32LE(12);
  const lengthBytes = field.readUInt32LE(20);
  if (offsetBytes + lengthBytes > SECTOR_BYTES) refuse('fields of a record cross the end of a sector');
  return await source.read(field.readUInt32LE(4) * SECTOR_BYTES + offsetBytes, lengthBytes);
}

/** @returns the field that leads to more */
function takeFields(bytes: Buffer, found: Found, link: LinkText): Buffer | undefined {
  let next: Buffer | undefined;
  for (let at = 0; at + FIELD_HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt8(at + 2);
    // Padding, or a field of nobody: what follows cannot be found.
    if (length < FIELD_HEADER_BYTES || at + length > bytes.length) break;
    const field = bytes.subarray(at, at + length);
    const name = field.toString('latin1', 0, 2);
    at += length;
    if (name === 'ST') break;
    if (name === 'CE' && length >= FIELD_BYTES.CE) next = field;
    else takeField(name, field, found, link);
  }
  return next;
}

function takeField(name: string, field: Buffer, found: Found, link: LinkText): void {
  const { length } = field;
  if (name === 'PX' && length >= 36) {
    found.mode = field.readUInt32LE(4);
    found.links = field.readUInt32LE(12);
    found.uid = field.readUInt32LE(20);
    found.gid = field.readUInt32LE(28);
    if (length >= FIELD_BYTES.PX) found.serial = field.readUInt32LE(36);
  } else if (name === 'NM' && length > FIELD_HEADER_BYTES) {
    // Bits 2 and 4 of its flags stand for `.` and `..`, which have no name of their own.
    found.name = (found.name ?? '') + field.toString('latin1', 5);
    if (found.name.length > MOST_NAME) refuse('a name is too long');
  } else if (name === 'PN' && length >= FIELD_BYTES.PN) {
    found.device = { major: field.readUInt32LE(4), minor: field.readUInt32LE(12) };
  } else if (name === 'SL' && length > FIELD_HEADER_BYTES) {
    link.take(field.subarray(5));
  } else if (name === 'TF' && length > FIELD_HEADER_BYTES) {
    const flags = field.readUInt8(4);
    const at = 5 + ((flags & 1) === 1 ? TIME_BYTES : 0);
    const isShort = (flags & TF_LONG) === 0 && (flags & TF_MODIFY) !== 0;
    if (isShort && at + TIME_BYTES <= length)
      found.mtimeSec = decodeTime(field.subarray(at, at + TIME_BYTES));
  }
}

/** Puts the target of a symlink together from components, over as many fields as they take. */
class LinkText {
  #text: string | undefined;
  /** A slash is due before the next component. */
  #isDue = false;

  take(components: Buffer): void {
    for (let at = 0; at + 2 <= components.length; ) {
      const flags = components.readUInt8(at);
      const length = components.readUInt8(at + 1);
      const bytes = components.subarray(at + 2, at + 2 + length);
      at += 2 + length;
      const before = (this.#text ?? '') + (this.#isDue ? '/' : '');
      this.#text = before + wordOf(flags & ~GOES_ON, bytes);
      // The root brings its own slash.
      this.#isDue = (flags & (GOES_ON | SL_ROOT)) === 0;
      if (this.#text.length > MOST_TARGET) refuse('the target of a symbolic link is too long');
    }
  }

  text(): string | undefined {
    return this.#text;
  }
}

function wordOf(kind: number, bytes: Buffer): string {
  if (kind === SL_CURRENT) return '.';
  if (kind === SL_PARENT) return '..';
  return kind === SL_ROOT ? '/' : bytes.toString('latin1');
}
