import { SlipwayError } from '@slipway/core';
import type { CallInput } from './handler.ts';

export function etagOf(revision: number): string {
  return `"${revision}"`;
}

type Headers = CallInput<{ readonly response: unknown }>['headers'];

/**
 * Whether a change may go on: `If-Match` names the revision it was made from, `If-None-Match: *` says that nothing may be there yet.
 *
 * @throws SlipwayError FLEET_CHANGED
 */
export function checkPrecondition(headers: Headers, revision: number | undefined, what: string): void {
  const match = headers['if-match'];
  if (match !== undefined && (revision === undefined || !names(match, etagOf(revision)))) {
    throw new SlipwayError('FLEET_CHANGED', `cannot change ${what}: it is not what it was when you read it`, {
      hint: 'read it again, and make the change once more on what is there now',
      details: { expected: match, actual: revision === undefined ? null : etagOf(revision) },
    });
  }
  if (headers['if-none-match'] === '*' && revision !== undefined) {
    throw new SlipwayError('FLEET_CHANGED', `cannot make ${what}: there is one already`, {
      hint: 'leave If-None-Match out to replace it',
    });
  }
}

/** Whether a reader has this revision already. */
export function isKnown(headers: Headers, etag: string): boolean {
  const known = headers['if-none-match'];
  return known !== undefined && names(known, etag);
}

function names(header: string, etag: string): boolean {
  if (header.trim() === '*') return true;
  return header.split(',').some((each) => each.trim().replace(/^W\//, '') === etag);
}
