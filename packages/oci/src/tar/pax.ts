import { HeaderProblem } from './format.ts';

/** One `length key=value` record; the value stays bytes. */
export interface PaxRecord {
  readonly key: string;
  readonly value: Buffer;
}

/** Keys of extended header records; the rest (`uname`, `atime`, `comment`, …) says nothing Slipway keeps. */
export const PAX = {
  path: 'path',
  linkPath: 'linkpath',
  size: 'size',
  uid: 'uid',
  gid: 'gid',
  mtime: 'mtime',
  xattrPrefix: 'SCHILY.xattr.',
  sparsePrefix: 'GNU.sparse.',
  charset: 'hdrcharset',
} as const;

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;

/**
 * Splits the body of an extended header into its records (POSIX.1-2024 pax, "pax Header Block"), in their order.
 *
 * @throws HeaderProblem when a length does not fit
 */
export function parsePaxRecords(body: Buffer): readonly PaxRecord[] {
  const records: PaxRecord[] = [];
  let start = 0;
  while (start < body.length) {
    const end = recordEnd(body, start);
    const keyStart = body.indexOf(SPACE, start) + 1;
    const equals = body.indexOf(EQUALS, keyStart);
    if (equals === -1 || equals >= end || equals === keyStart) {
      throw new HeaderProblem('a record of its extended header has no key');
    }
    records.push({
      key: body.toString('latin1', keyStart, equals),
      value: body.subarray(equals + 1, end - 1),
    });
    start = end;
  }
  return records;
}

/** The length counts itself, the blank and the newline. */
function recordEnd(body: Buffer, start: number): number {
  let length = 0;
  let index = start;
  for (; index < body.length && index < start + 10 && body[index] !== SPACE; index += 1) {
    const digit = (body[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) throw new HeaderProblem('a record of its extended header has no length');
    length = length * 10 + digit;
  }
  const end = start + length;
  if (body[index] !== SPACE || end <= index + 1 || end > body.length || body[end - 1] !== NEWLINE) {
    throw new HeaderProblem('a record of its extended header has a wrong length');
  }
  return end;
}

/** One record as it is written. */
export function encodePaxRecord(key: string, value: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.of(NEWLINE)]);
  let length = rest.length + 1;
  // The number of digits may itself add a digit.
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length), 'latin1'), rest]);
}

/** A whole number that is not negative. */
export function parsePaxNumber(value: Buffer, what: string, maximum: number): number {
  const text = value.toString('latin1');
  const number = /^[0-9]{1,20}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= maximum))
    throw new HeaderProblem(`its ${what} ${JSON.stringify(text.slice(0, 40))} is out of range`);
  return number;
}

/** A time as decimal seconds with any number of places; what is finer than nanoseconds is cut off towards the past. */
export function parsePaxTime(value: Buffer): { readonly sec: number; readonly nsec: number } {
  const text = value.toString('latin1');
  const match = /^(?<sign>-?)(?<whole>[0-9]{1,15})(?:\.(?<fraction>[0-9]*))?$/.exec(text.slice(0, 100));
  if (match?.groups === undefined) {
    throw new HeaderProblem(`its modification time ${JSON.stringify(text.slice(0, 40))} is not a time`);
  }
  const whole = Number(match.groups['whole']);
  const fraction = match.groups['fraction'] ?? '';
  const nsec = Number(fraction.slice(0, 9).padEnd(9, '0'));
  if (match.groups['sign'] === '') return { sec: whole, nsec };
  const finer = /[1-9]/.test(fraction.slice(9)) ? 1 : 0;
  const below = nsec + finer;
  return below === 0
    ? { sec: whole === 0 ? 0 : -whole, nsec: 0 }
    : { sec: -whole - 1, nsec: 1_000_000_000 - below };
}

/** The shortest decimal form of a time. */
export function formatPaxTime(sec: number, nsec: number): string {
  if (nsec === 0) return String(sec);
  const negative = sec < 0;
  const whole = negative ? -sec - 1 : sec;
  const fraction = negative ? 1_000_000_000 - nsec : nsec;
  return `${negative ? '-' : ''}${whole}.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`;
}

/** Bytes of a name; a NUL would end it early for the kernel. */
export function parsePaxName(value: Buffer, what: string): string {
  if (value.includes(0)) throw new HeaderProblem(`its ${what} holds a NUL byte`);
  return value.toString('latin1');
}
