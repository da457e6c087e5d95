import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareVersions } from './version-order.ts';

const REFEREE = 'systemd-analyze';

/** The implementation everyone else uses; it ends with 0 equal, 11 newer, 12 older. */
function referee(a: string, b: string): number {
  const { status } = spawnSync(REFEREE, ['compare-versions', a, b]);
  if (status !== 0 && status !== 11 && status !== 12) throw new Error(`${REFEREE} ended with ${status}`);
  return status === 0 ? 0 : 23 - 2 * status;
}

describe('versions', () => {
  test.each([
    ['122.1', '123~rc1-1'],
    ['123~rc1-1', '123'],
    ['123', '123-a'],
    ['123-a', '123-a.1'],
    ['123-a.1', '123-1'],
    ['123-1', '123-1.1'],
    ['123-1.1', '123^post1'],
    ['123^post1', '123.a-1'],
    ['123.a-1', '123.1-1'],
    ['123.1-1', '123a-1'],
    ['123a-1', '124-1'],
    ['slipway-9.conf', 'slipway-10+3.conf'],
  ])('%s is older than %s', (older, newer) => {
    expect(Math.sign(compareVersions(older, newer))).toBe(-1);
    expect(Math.sign(compareVersions(newer, older))).toBe(1);
    expect(compareVersions(newer, newer)).toBe(0);
  });

  test('compare as systemd compares them', () => {
    const version = fc
      .array(fc.constantFrom('0', '1', '9', '10', '007', 'a', 'B', 'ab', '.', '-', '~', '^', '+', '_'), {
        minLength: 1,
        maxLength: 6,
      })
      .map((parts) => `1${parts.join('')}`);
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect([a, b, Math.sign(compareVersions(a, b))]).toEqual([a, b, referee(a, b)]);
      }),
      { numRuns: 150 },
    );
  });
});
