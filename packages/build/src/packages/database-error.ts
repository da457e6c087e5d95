import { SlipwayError } from '@slipway/core';
import type { DatabaseKind } from './installed-package.ts';

/** A database that cannot be used. */
export function damaged(kind: DatabaseKind, problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError(
    'PACKAGE_DATABASE_INVALID',
    `cannot read the ${kind} database of the image: ${problem}`,
    {
      hint: 'repair it where the image is built, or remove it',
      details: { kind },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
