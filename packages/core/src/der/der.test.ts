import { expect, test } from 'vitest';
import { readDer } from './reader.ts';
import { contextTag, DER, derBitString, derElement, derObjectIdentifier, derSequence } from './writer.ts';

test('what is written is read again, whatever its length', () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
    const content = Buffer.alloc(length, 7);
    const whole = derElement(DER.octetString, content);
    expect(readDer(whole)).toEqual([{ tag: DER.octetString, content, whole }]);
  }
});

test('writes as X.690 says', () => {
  expect(derObjectIdentifier('1.2.840.113549').toString('hex')).toBe('06062a864886f70d');
  expect(derObjectIdentifier('2.5.29.15').toString('hex')).toBe('0603551d0f');
  expect(
    derSequence(derBitString(Buffer.from([0x80])), derElement(DER.utf8String, 'ü')).toString('hex'),
  ).toBe('30080302008 00c02c3bc'.replace(' ', ''));
  expect([contextTag(0, true), contextTag(6, false)]).toEqual([0xa0, 0x86]);
});

test('elements stand one after the other', () => {
  const [one, two] = [derElement(DER.integer, Buffer.from([1])), derElement(DER.utf8String, 'two')];
  expect(readDer(Buffer.concat([one, two])).map(({ whole }) => whole)).toEqual([one, two]);
  expect(readDer(Buffer.alloc(0))).toEqual([]);
});

test.each([
  ['one that goes on after the end', '0402aa'],
  ['a tag alone', '04'],
  ['a tag of two bytes', '1f8101aa'],
  ['a length that is not known', '3080'],
  ['a length that is cut off', '0482ff'],
  ['a length of five bytes', '04850000000001aa'],
  ['a length of two bytes where one does', '048101aa'],
  ['a length with a zero before it', `04820080${'aa'.repeat(128)}`],
])('refuses %s', (_what, hex) => {
  expect(() => readDer(Buffer.from(hex, 'hex'))).toThrow(RangeError);
});
