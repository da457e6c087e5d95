import { SlipwayError } from '@slipway/core';
import type * as z from 'zod';

/** What was sent, checked by its schema; everything that is wrong with it in one answer. */
export function checked(schema: z.ZodType, sent: unknown, what: string): unknown {
  const parsed = schema.safeParse(sent);
  if (parsed.success) return parsed.data;
  const findings = parsed.error.issues.slice(0, 20).map(({ path, message }) => {
    const place = path.map(String).join('.');
    return place === '' ? message : `${place}: ${message}`;
  });
  throw new SlipwayError(
    'FLEET_REQUEST_INVALID',
    `cannot use the ${what} of the request: ${findings[0] ?? 'it is invalid'}`,
    {
      findings,
    },
  );
}
