import { expect, test } from 'vitest';
import { writeRevocationList } from './revocation-list.ts';

const HEADER =
  '5353484b524c0a00 00000001 0000000000000007 0000000065920080 0000000000000000 00000000 00000000';
const LIST = { number: 7n, generatedMs: Date.parse('2024-01-01T00:00:00.999Z'), certificates: [], keys: [] };

function hex(text: string): string {
  return text.replaceAll(' ', '');
}

test('a list that revokes nothing is its header', () => {
  expect(writeRevocationList(LIST).toString('hex')).toBe(hex(HEADER));
  const certificates = [{ authority: Buffer.from('ca'), serials: [] }];
  expect(writeRevocationList({ ...LIST, certificates })).toEqual(writeRevocationList(LIST));
});

test('serial numbers stand in their order below the key that signed them, keys by themselves after them', () => {
  const list = writeRevocationList({
    ...LIST,
    certificates: [{ authority: Buffer.from('ca'), serials: [2n ** 63n - 1n, 5n] }],
    keys: [Buffer.from('b'), Buffer.from('a')],
  });
  const serials = '20 00000010 0000000000000005 7fffffffffffffff';
  expect(list.toString('hex')).toBe(
    hex(`${HEADER} 01 0000001f 00000002 6361 00000000 ${serials} 02 0000000a 00000001 61 00000001 62`),
  );
});
