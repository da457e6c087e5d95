import { SlipwayError } from '@slipway/core';

/**
 * The escapes of composefs-dump(5): a backslash before `\`, `n`, `r`, `t` or `xHH`. Text and result are
 * bytes as latin1 strings.
 */

const NAMED: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** An absent optional field. A real single dash is written as its escape. */
export const ABSENT = '-';

/** What must not stand in a field as it is: anything but printing ASCII, the backslash, and `=` in attributes. */
const NOT_PLAIN = /[^!-[\]-~]/g;
const NOT_PLAIN_OR_SPACE = /[^ -[\]-~]/g;
const NOT_PLAIN_IN_ATTRIBUTE = /[^!-<>-[\]-~]/g;

/** A field as the reference tools write it. */
export function escapeField(text: string): string {
  return text === ABSENT ? hexEscape(ABSENT) : escapeBytes(text);
}

/** The same where a single dash means nothing else. */
export function escapeBytes(text: string): string {
  return text.replace(NOT_PLAIN, shortEscape);
}

/** The same for people, who read spaces. */
export function escapeButSpaces(text: string): string {
  return text.replace(NOT_PLAIN_OR_SPACE, shortEscape);
}

/** A field that may be absent. */
export function escapeOptional(text: string): string {
  return text === '' ? ABSENT : escapeField(text);
}

/** Name or value of an attribute: `=` is escaped too, a single dash is not. */
export function escapeAttribute(text: string): string {
  return text.replace(NOT_PLAIN_IN_ATTRIBUTE, shortEscape);
}

/**
 * The bytes of a field.
 *
 * @throws SlipwayError DUMP_INVALID for an escape that is none; the caller adds the line
 */
export function unescapeField(text: string): string {
  let from = text.indexOf('\\');
  if (from < 0) return text;
  let plain = text.slice(0, from);
  while (from < text.length) {
    const next = text.indexOf('\\', from);
    if (next < 0) return plain + text.slice(from);
    plain += text.slice(from, next);
    const named = NAMED.get(text.charAt(next + 1));
    plain += named ?? hexByte(text, next);
    from = next + (named === undefined ? 4 : 2);
  }
  return plain;
}

function hexByte(text: string, at: number): string {
  const digits = text.slice(at + 2, at + 4);
  if (text.charAt(at + 1) !== 'x' || !/^[0-9a-fA-F]{2}$/.test(digits)) {
    throw new SlipwayError('DUMP_INVALID', `${JSON.stringify(text.slice(at, at + 4))} is no escape`);
  }
  return String.fromCharCode(Number.parseInt(digits, 16));
}

function shortEscape(character: string): string {
  return SHORT.get(character) ?? hexEscape(character);
}

function hexEscape(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
