import { formatKernelCommandLine } from '@slipway/boot';
import { describe, expect, test } from 'vitest';
import { parseKargsFile } from './image-kargs.ts';

const PATH = '/usr/lib/bootc/kargs.d/10.toml';

describe('kernel arguments of an image', () => {
  test.each([
    ['kargs = ["quiet", "console=ttyS0,115200n8"]', 'quiet console=ttyS0,115200n8'],
    ['kargs = ["a b"]', 'a b'],
    ['kargs = ["a"]\nmatch-architectures = ["x86_64", "aarch64"]', 'a'],
    ['kargs = ["a"]\nmatch-architectures = ["amd64"]', 'a'],
    ['kargs = ["a"]\nmatch-architectures = ["aarch64"]', ''],
    ['kargs = []', ''],
  ])('%s', (text, expected) => {
    expect(formatKernelCommandLine(parseKargsFile(text, PATH, 'amd64'))).toBe(expected);
  });

  test.each([
    ['kargs = "a"', /kargs is not a list of strings/],
    ['kargs = [1]', /kargs is not a list of strings/],
    ['karg = ["a"]', /unknown key "karg"/],
    ['match-architectures = ["x86_64"]', /no list "kargs"/],
    ['kargs = [', /kargs\.d\/10\.toml/],
    ['kargs = ["a=\\"b"]', /quote is not closed/],
  ])('%s is refused', (text, message) => {
    expect(() => parseKargsFile(text, PATH, 'amd64')).toThrow(message);
  });
});
