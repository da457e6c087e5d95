import {
  ATTRIBUTE,
  DIRENT,
  DIRENT_BYTES,
  LONG_NAME,
  LONG_NAME_AT,
  LONG_NAME_LAST,
  LONG_NAME_UNITS,
  MAX_LONG_NAME_UNITS,
} from './format.ts';
import { shortNameChecksum } from './names.ts';

/** An entry of a directory, decoded. */
export interface FatEntry {
  /** Bytes of UTF-8 as a latin1 string. */
  readonly name: string;
  readonly attributes: number;
  readonly firstCluster: number;
  readonly sizeBytes: number;
  readonly mtimeSec: number;
}

const DELETED = 0xe5;
const END = 0;
/** Stands for a first byte of 0xe5, which would mean "deleted". */
const ESCAPED_E5 = 0x05;
const CASE_AT = 12;
const LOWER_BASE = 0x08;
const LOWER_EXTENSION = 0x10;

/** Decodes the entries of a directory up to its end, `.` and `..` left out, each with its long name where it has a sound one. */
export function* decodeEntries(bytes: Buffer): Generator<FatEntry, void, undefined> {
  let parts: Buffer[] = [];
  for (let at = 0; at + DIRENT_BYTES <= bytes.length; at += DIRENT_BYTES) {
    const entry = bytes.subarray(at, at + DIRENT_BYTES);
    const first = entry.readUInt8(0);
    if (first === END) return;
    const attributes = entry.readUInt8(DIRENT.attributes);
    if (first === DELETED) {
      parts = [];
    } else if ((attributes & 0x3f) === ATTRIBUTE.longName) {
      if ((first & LONG_NAME_LAST) !== 0) parts = [];
      parts.push(entry);
    } else {
      const short = entry.toString('latin1', DIRENT.name, DIRENT.name + 11);
      const name = longName(parts, short) ?? shortName(short, first, entry.readUInt8(CASE_AT));
      parts = [];
      if (name === '.' || name === '..') continue;
      yield {
        name: Buffer.from(name, 'utf8').toString('latin1'),
        attributes,
        firstCluster:
          entry.readUInt16LE(DIRENT.clusterHigh) * 2 ** 16 + entry.readUInt16LE(DIRENT.clusterLow),
        sizeBytes: entry.readUInt32LE(DIRENT.sizeBytes),
        mtimeSec: secondsOf(entry.readUInt16LE(DIRENT.modifiedDate), entry.readUInt16LE(DIRENT.modifiedTime)),
      };
    }
  }
}

/** The long name of the entries before a short one; undefined when there is none, or it belongs to another. */
function longName(parts: readonly Buffer[], short: string): string | undefined {
  const checksum = shortNameChecksum(short);
  let name = '';
  for (const [index, part] of parts.toReversed().entries()) {
    const order = part.readUInt8(LONG_NAME.order) & ~LONG_NAME_LAST;
    if (order !== index + 1 || part.readUInt8(LONG_NAME.checksum) !== checksum) return undefined;
    const units = LONG_NAME_AT.slice(0, LONG_NAME_UNITS).map((at) => part.readUInt16LE(at));
    name += String.fromCharCode(...units);
  }
  const text = name.split('\0', 1)[0] ?? '';
  const isComplete = ((parts[0]?.readUInt8(LONG_NAME.order) ?? 0) & LONG_NAME_LAST) !== 0;
  return isComplete && text.length > 0 && text.length <= MAX_LONG_NAME_UNITS ? text : undefined;
}

function shortName(short: string, first: number, caseBits: number): string {
  const raw = first === ESCAPED_E5 ? `\xe5${short.slice(1)}` : short;
  const base = raw.slice(0, 8).trimEnd();
  const extension = raw.slice(8).trimEnd();
  const shownBase = (caseBits & LOWER_BASE) === 0 ? base : base.toLowerCase();
  const shownExtension = (caseBits & LOWER_EXTENSION) === 0 ? extension : extension.toLowerCase();
  return shownExtension === '' ? shownBase : `${shownBase}.${shownExtension}`;
}

function secondsOf(date: number, time: number): number {
  const day = Date.UTC(1980 + (date >> 9), ((date >> 5) & 0xf) - 1, date & 0x1f) / 1000;
  return day + (time >> 11) * 3600 + ((time >> 5) & 0x3f) * 60 + (time & 0x1f) * 2;
}
