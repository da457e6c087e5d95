import { SlipwayError } from '@slipway/core';
import { MAX_LONG_NAME_UNITS } from './format.ts';

/** The names of one directory entry. */
export interface FatName {
  /** Eleven bytes, padded with blanks, as they stand on the disk. */
  readonly short: string;
  /** Absent where the short name says it all. */
  readonly long: string | undefined;
}

const FORBIDDEN = /["*/:<>?\\|\p{Cc}]/u;
const PLAIN_SHORT =
  /^(?<base>[A-Z0-9!#$%&'()@^_`{}~-]{1,8})(?:\.(?<extension>[A-Z0-9!#$%&'()@^_`{}~-]{1,3}))?$/;

/**
 * Gives every name of a directory its short and, where needed, long form; the result depends on the order of `names`.
 *
 * @param names bytes of UTF-8 names as latin1 strings
 * @throws SlipwayError DISK_NAME_INVALID for a name FAT cannot hold, or two that differ only in case
 */
export function fatNames(names: readonly string[]): Map<string, FatName> {
  const result = new Map<string, FatName>();
  const taken = new Set<string>();
  const folded = new Set<string>();
  const counters = new Map<string, number>();
  const decoded = names.map((name) => decodeName(name));
  for (const text of decoded) {
    const key = text.toUpperCase();
    if (folded.has(key)) refuse(text, 'another name differs from it only in case');
    folded.add(key);
    if (PLAIN_SHORT.test(key)) taken.add(padShort(key));
  }
  for (const [index, text] of decoded.entries()) {
    const key = text.toUpperCase();
    const short = PLAIN_SHORT.test(key) ? padShort(key) : alias(key, taken, counters);
    const isWhole = key === text && PLAIN_SHORT.test(key);
    result.set(names[index] ?? '', { short, long: isWhole ? undefined : text });
  }
  return result;
}

/** The checksum that ties long-name entries to their short one. */
export function shortNameChecksum(short: string): number {
  let sum = 0;
  for (const byte of Buffer.from(short, 'latin1')) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}

/**
 * A volume label as its eleven bytes.
 *
 * @throws SlipwayError DISK_NAME_INVALID
 */
export function fatLabel(label: string): string {
  if (label.length > 11 || !/^[A-Z0-9 !#$%&'()@^_`{}~-]*$/.test(label)) {
    refuse(label, "a FAT label has at most 11 of A-Z, 0-9, blank and !#$%&'()@^_`{}~-");
  }
  return label.padEnd(11, ' ');
}

function decodeName(name: string): string {
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(name, 'latin1'));
  } catch {
    refuse(name, 'it is not UTF-8');
  }
  if (text.length > MAX_LONG_NAME_UNITS) refuse(text, `it has more than ${MAX_LONG_NAME_UNITS} characters`);
  if (FORBIDDEN.test(text)) refuse(text, 'it has a character FAT forbids');
  if (text === '' || /[. ]$/.test(text)) refuse(text, 'it is empty or ends in a dot or blank');
  return text;
}

function alias(key: string, taken: Set<string>, counters: Map<string, number>): string {
  const stripped = key.replaceAll(' ', '').replace(/^\.+/, '');
  const dot = stripped.lastIndexOf('.');
  const base = replaceForeign(dot === -1 ? stripped : stripped.slice(0, dot).replaceAll('.', ''));
  const extension = dot === -1 ? '' : replaceForeign(stripped.slice(dot + 1)).slice(0, 3);
  const family = `${base.slice(0, 6)}.${extension}`;
  for (let number = counters.get(family) ?? 1; number < 1_000_000; number += 1) {
    const tail = `~${number}`;
    const short = padShort(`${base.slice(0, 8 - tail.length)}${tail}.${extension}`);
    if (taken.has(short)) continue;
    taken.add(short);
    counters.set(family, number + 1);
    return short;
  }
  return refuse(key, 'too many names like it');
}

function replaceForeign(text: string): string {
  return text.replaceAll(/[^A-Z0-9!#$%&'()@^_`{}~-]/g, '_');
}

function padShort(name: string): string {
  const [base = '', extension = ''] = name.split('.');
  return base.padEnd(8, ' ') + extension.padEnd(3, ' ');
}

function refuse(name: string, why: string): never {
  throw new SlipwayError('DISK_NAME_INVALID', `cannot put ${JSON.stringify(name)} on FAT: ${why}`, {
    details: { name },
  });
}
