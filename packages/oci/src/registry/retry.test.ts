import { describe, expect, test } from 'vitest';
import { DEFAULT_RETRY, parseRetryAfter, type RetryPolicy, Transient, withRetries } from './retry.ts';

const POLICY: RetryPolicy = { ...DEFAULT_RETRY, attempts: 3, baseMs: 1, maxMs: 2, maxRetryAfterMs: 1000 };

describe('withRetries', () => {
  test('tries until it works, and no more often than allowed', async () => {
    let tries = 0;
    const failing = (times: number) => (): Promise<string> => {
      tries += 1;
      return tries <= times
        ? Promise.reject(new Transient(new Error(`failure ${tries}`)))
        : Promise.resolve('done');
    };
    expect(await withRetries(POLICY, {}, failing(2))).toBe('done');
    expect(tries).toBe(3);
    tries = 0;
    await expect(withRetries(POLICY, {}, failing(9))).rejects.toThrow('failure 3');
    expect(tries).toBe(3);
  });

  test('does not repeat what failed for good, or was cancelled', async () => {
    let tries = 0;
    const final = new Error('final');
    await expect(
      withRetries(POLICY, {}, () => {
        tries += 1;
        return Promise.reject(final);
      }),
    ).rejects.toBe(final);
    const stopped = AbortSignal.abort();
    await expect(withRetries(POLICY, { signal: stopped }, () => Promise.resolve(1))).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(tries).toBe(1);
  });
});

test.each([
  [undefined, undefined],
  ['7', 7000],
  [' 0 ', 0],
  ['soon', undefined],
  ['-1', undefined],
  ['Thu, 01 Jan 1970 00:01:00 GMT', 50_000],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
])('Retry-After: %s', (value, wanted) => {
  expect(parseRetryAfter(value, 10_000)).toBe(wanted);
});
