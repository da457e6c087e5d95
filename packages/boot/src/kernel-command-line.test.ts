import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeImageArguments } from './image-arguments.ts';
import {
  composefsArgument,
  formatKernelCommandLine,
  kernelArgument,
  kernelArgumentValue,
  parseKernelCommandLine as parse,
  removeKernelArgument,
  setKernelArgument,
  withComposefs,
} from './kernel-command-line.ts';

const ID = 'ab'.repeat(32);
const format = formatKernelCommandLine;

describe('kernel command lines', () => {
  test('keep quoted blanks together', () => {
    const line = parse('  root=UUID=1  dyndbg="file a.c +p" "b c=d e"\tquiet ');
    expect(line.map(({ key, value }) => [key, value])).toEqual([
      ['root', 'UUID=1'],
      ['dyndbg', 'file a.c +p'],
      ['b c', 'd e'],
      ['quiet', undefined],
    ]);
    expect(format(line)).toBe('root=UUID=1 dyndbg="file a.c +p" "b c=d e" quiet');
  });

  test('treat - and _ in names alike, and the last value as the valid one', () => {
    const line = parse('a-b=1 a_b=2 c=3');
    expect(kernelArgumentValue(line, 'a-b')).toBe('2');
    expect(format(removeKernelArgument(line, 'a_b'))).toBe('c=3');
    expect(format(setKernelArgument(line, kernelArgument('a_b=9')))).toBe('a_b=9 c=3');
  });

  test('add in front of what belongs to the first process', () => {
    expect(format(setKernelArgument(parse('quiet -- single'), kernelArgument('a=1')))).toBe(
      'quiet a=1 -- single',
    );
  });

  test('select a deployment', () => {
    const line = parse(`root=UUID=1 composefs=?${ID} quiet`);
    expect(composefsArgument(line)).toEqual({ id: ID, verityRequired: false });
    const next = withComposefs(line, { id: 'cd'.repeat(64), verityRequired: true });
    expect(format(next)).toBe(`root=UUID=1 composefs=${'cd'.repeat(64)} quiet`);
    expect(composefsArgument(parse('quiet'))).toBeUndefined();
    expect(() => composefsArgument(parse('composefs=../../etc'))).toThrow(/no fs-verity digest/);
  });

  test.each(['a="b', 'a=\u0007', 'x'.repeat(20_000)])('refuse %j', (text) => {
    expect(() => parse(text)).toThrow(/cannot use the kernel argument/);
  });

  test('refuse two arguments where one is meant', () => {
    expect(() => kernelArgument('a b')).toThrow(/not one argument/);
    expect(() => kernelArgument('')).toThrow(/not one argument/);
  });

  test('survive writing and reading', () => {
    const word = fc.stringMatching(/^[a-z]{1,5}(=("[a-z ]{0,5}"|[a-z0-9:,]{0,5}))?$/);
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(format(parse(words.join('  ')))).toBe(words.join(' '));
      }),
    );
  });
});

describe('an image update on a command line', () => {
  test.each([
    ['adds and drops', 'root=1 quiet a', 'quiet', 'splash', 'root=1 a splash'],
    ['replaces in place', 'loglevel=3 root=1', 'loglevel=3', 'loglevel=4', 'loglevel=4 root=1'],
    ['keeps a local replacement', 'root=1 loglevel=7', 'loglevel=3', 'loglevel=4', 'root=1 loglevel=7'],
    ['keeps a local removal', 'root=1', 'quiet', 'quiet', 'root=1'],
    ['does not double', 'root=1 splash', '', 'splash', 'root=1 splash'],
    [
      'lets the machine have the last word',
      'root=1 loglevel=7',
      '',
      'loglevel=4',
      'root=1 loglevel=4 loglevel=7',
    ],
    [
      'keeps a local console',
      'console=tty0 console=ttyS1',
      'console=tty0',
      'console=tty0 console=ttyS0',
      'console=ttyS0 console=tty0 console=ttyS1',
    ],
    ['never touches the deployment', 'composefs=a', 'composefs=a', 'composefs=b', 'composefs=a'],
  ])('%s', (_what, current, old, next, expected) => {
    expect(format(mergeImageArguments(parse(current), parse(old), parse(next)))).toBe(expected);
  });

  const line = fc
    .array(fc.constantFrom('a', 'a=1', 'a=2', 'b', 'b=1', 'c=1', 'c=2', 'd'), { maxLength: 5 })
    .map((words) => parse([...new Set(words)].join(' ')));

  test('never loses an argument the machine set itself, and is stable', () => {
    fc.assert(
      fc.property(line, line, line, (current, old, next) => {
        const merged = mergeImageArguments(current, old, next);
        const imageTexts = new Set(old.map(({ text }) => text));
        const local = current.filter(({ text }) => !imageTexts.has(text)).map(({ text }) => text);
        expect(merged.map(({ text }) => text).filter((text) => local.includes(text))).toEqual(local);
        expect(format(mergeImageArguments(current, old, old))).toBe(format(current));
      }),
    );
  });

  test('of an untouched machine leads to the arguments of the new image', () => {
    fc.assert(
      fc.property(line, line, (old, next) => {
        const merged = mergeImageArguments(old, old, next).map(({ text }) => text);
        expect(merged.toSorted()).toEqual(next.map(({ text }) => text).toSorted());
      }),
    );
  });
});
