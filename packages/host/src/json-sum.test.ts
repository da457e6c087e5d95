import { expect, test } from 'vitest';
import { jsonSum, withJsonSum } from './json-sum.ts';

const RECORD = {
  time: '2026-01-01T00:00:00Z',
  deployment: 'ab'.repeat(32),
  list: [{ reason: 'a "checksum"' }],
  é: 1,
};
const TEXTS = [JSON.stringify(RECORD), JSON.stringify(RECORD, undefined, 2)];

/** The text with each of its bits turned over, one after the other, as it would be read. */
function* flipped(text: string): Generator<string> {
  const bytes = Buffer.from(text);
  for (let index = 0; index < bytes.length * 8; index += 1) {
    const copy = Buffer.from(bytes);
    copy[index >> 3] = (copy[index >> 3] ?? 0) ^ (1 << (index & 7));
    yield copy.toString('utf8');
  }
}

test.each(TEXTS)('a sum is one field more, and shows any bit that turned over', (text) => {
  const sealed = withJsonSum(text);
  expect(JSON.parse(sealed)).toEqual({ ...RECORD, checksum: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(jsonSum(sealed)).toBe('right');
  for (const damaged of flipped(sealed)) expect([damaged, jsonSum(damaged)]).toEqual([damaged, 'wrong']);
});

test('what never had one is none, whatever it says', () => {
  const old = [
    ...TEXTS,
    '',
    '{}',
    JSON.stringify({ time: 't', deployment: 'ab'.repeat(32) }),
    '{"checksum":"x"}',
  ];
  expect(old.map(jsonSum)).toEqual(old.map(() => 'none'));
});

test('a sum belongs to its record', () => {
  const [text = ''] = TEXTS;
  const other = withJsonSum(text.replace('2026', '2027'));
  expect(jsonSum(withJsonSum(text).slice(0, -68) + other.slice(-68))).toBe('wrong');
});
