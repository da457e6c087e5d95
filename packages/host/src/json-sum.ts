/**
 * A last field of a JSON object that tells whether its text is still as it was written: records of a host and lines of its history, which
 * nothing else vouches for. Older versions take it for a field they do not know.
 *
 * It finds what a disk did to a text, not what somebody did on purpose.
 */
import { createHash } from 'node:crypto';
import type { TextSum } from '@slipway/boot';
import { changedCharacters } from '@slipway/core';

/** What is around the sum, in an object on one line and in one that is indented. */
interface Frame {
  readonly lead: string;
  readonly close: string;
}

const LINE: Frame = { lead: ',"checksum":"', close: '"}' };
const INDENTED: Frame = { lead: ',\n  "checksum": "', close: '"\n}' };
const SUM_CHARACTERS = 64;
/** A damaged frame is still one; no other text is as near to it. */
const MOST_DAMAGED = 3;

/** The text of an object that has fields, as `JSON.stringify` gives it, with its sum. */
export function withJsonSum(text: string): string {
  const frame = text.endsWith('\n}') ? INDENTED : LINE;
  return framed(text.slice(0, 1 - frame.close.length), frame);
}

/** Judges the text of an object. `none`: it never had a sum, as what older versions wrote. */
export function jsonSum(text: string): TextSum {
  const near = [LINE, INDENTED].filter((frame) => isNear(text, frame));
  if (near.length === 0) return 'none';
  return near.some((frame) => text === framed(bodyOf(text, frame), frame)) ? 'right' : 'wrong';
}

function framed(body: string, { lead, close }: Frame): string {
  return `${body}${lead}${createHash('sha256').update(body).digest('hex')}${close}`;
}

function bodyOf(text: string, { lead, close }: Frame): string {
  return text.slice(0, Math.max(0, text.length - lead.length - SUM_CHARACTERS - close.length));
}

function isNear(text: string, frame: Frame): boolean {
  const { lead, close } = frame;
  const start = bodyOf(text, frame).length;
  if (start === 0) return false;
  const found = text.slice(start, start + lead.length) + text.slice(-close.length);
  return changedCharacters(lead + close, found) <= MOST_DAMAGED;
}
