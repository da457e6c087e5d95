import { closeSync, openSync } from 'node:fs';
import { isSlipwayError, messageOf, SlipwayError } from '@slipway/core';

/**
 * Opens a file of this machine and changes it in place.
 *
 * @throws SlipwayError what the change throws, IO_FAILED for anything else
 */
export function changeFile(path: string, change: (file: number) => void): void {
  try {
    const file = openSync(path, 'r+');
    try {
      change(file);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    if (isSlipwayError(cause)) throw cause;
    throw new SlipwayError('IO_FAILED', `cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}
