import { expect, test } from 'vitest';
import { ERRORS } from './catalogue.ts';

test.each(Object.entries(ERRORS))(
  '%s is a code with a sentence and statuses that exist',
  (code, definition) => {
    expect(code).toMatch(/^[A-Z][A-Z_]+$/);
    expect(definition.summary).toMatch(/^[A-Z].*\.$/);
    expect([1, 2, 3, 4, 5, 125]).toContain(definition.exitCode);
    expect(definition.httpStatus).toBeGreaterThanOrEqual(400);
    expect(definition.httpStatus).toBeLessThan(600);
  },
);
