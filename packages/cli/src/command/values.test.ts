import { isSlipwayError } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseHostPort, parseNameValue, parseSizeBytes, wholeNumber } from './values.ts';

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    return isSlipwayError(thrown) ? thrown.code : 'not ours';
  }
  return 'nothing thrown';
}

describe('sizes', () => {
  test.each([
    ['10G', 10 * 2 ** 30],
    ['10GiB', 10 * 2 ** 30],
    ['10gb', 10e9],
    ['512MiB', 512 * 2 ** 20],
    ['1.5G', 1.5 * 2 ** 30],
    ['4096', 4096],
    ['4096B', 4096],
    ['2T', 2 * 2 ** 40],
    [' 8 M ', 8 * 2 ** 20],
  ])('%s', (text, bytes) => {
    expect(parseSizeBytes(text, '--size')).toBe(bytes);
  });

  test.each(['', '10Q', 'G', '-1G', '0', '1.3B', '1e9', '10 G G', '0x10', '9999999999999999T', '١٠G', 'NaN'])(
    'refuses %j',
    (text) => {
      expect(codeOf(() => parseSizeBytes(text, '--size'))).toBe('USAGE');
    },
  );

  test('every whole number of MiB is itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 30 }), (count) => {
        expect(parseSizeBytes(`${count}M`, '--size')).toBe(count * 2 ** 20);
      }),
    );
  });

  test('no text makes it throw anything but a usage error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(['USAGE', 'nothing thrown']).toContain(codeOf(() => parseSizeBytes(text, '--size')));
      }),
    );
  });
});

describe('whole numbers', () => {
  const parse = wholeNumber(1, 256);
  test('takes both bounds', () => {
    expect([parse('1', '--cpus'), parse('256', '--cpus')]).toEqual([1, 256]);
  });
  test.each(['0', '257', '', '-1', '1.5', '1e1', 'two'])('refuses %j', (text) => {
    expect(codeOf(() => parse(text, '--cpus'))).toBe('USAGE');
  });
});

describe('names with values', () => {
  test('splits at the first equals sign', () => {
    expect(parseNameValue('A=b=c', '--build-arg')).toEqual(['A', 'b=c']);
    expect(parseNameValue('A=', '--build-arg')).toEqual(['A', '']);
  });
  test.each(['A', '=b', ''])('refuses %j', (text) => {
    expect(codeOf(() => parseNameValue(text, '--build-arg'))).toBe('USAGE');
  });
});

describe('where to listen', () => {
  test.each([
    ['127.0.0.1:5000', '127.0.0.1', 5000],
    ['[::1]:0', '::1', 0],
    ['localhost:65535', 'localhost', 65_535],
  ])('%s', (text, host, port) => {
    expect(parseHostPort(text, '--listen')).toEqual({ host, port });
  });

  test.each([
    '',
    '5000',
    ':5000',
    '::1:5000',
    'host:',
    'host:65536',
    'host:http',
    'a b:1',
    '[::1]',
    'http://host:1',
  ])('refuses %j', (text) => {
    expect(codeOf(() => parseHostPort(text, '--listen'))).toBe('USAGE');
  });
});
