import { isSlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { formatBootEntry, parseBootEntry } from './entry.ts';
import { parseKernelCommandLine } from './kernel-command-line.ts';
import {
  type SourcedOptions,
  setOptionSource,
  sourcedOptions,
  withSourcedOptions,
} from './option-sources.ts';

const PLAIN: SourcedOptions = { options: 'root=UUID=1 rw quiet composefs=abc', sources: {} };

function set(before: SourcedOptions, name: string, text: string): SourcedOptions {
  return setOptionSource(before, name, parseKernelCommandLine(text));
}

describe('arguments of a source', () => {
  test('come to the end, are replaced as a whole, and go', () => {
    const first = set(PLAIN, 'tuned', 'isolcpus=1-3 nohz_full=1-3');
    expect(first).toEqual({
      options: 'root=UUID=1 rw quiet composefs=abc isolcpus=1-3 nohz_full=1-3',
      sources: { tuned: 'isolcpus=1-3 nohz_full=1-3' },
    });
    const second = set(first, 'tuned', 'isolcpus=0-7');
    expect(second).toEqual({
      options: 'root=UUID=1 rw quiet composefs=abc isolcpus=0-7',
      sources: { tuned: 'isolcpus=0-7' },
    });
    expect(set(second, 'tuned', '')).toEqual(PLAIN);
    expect(set(PLAIN, 'never-there', '')).toEqual(PLAIN);
  });

  test('leave those of other sources alone, and what is not owned', () => {
    const both = set(set(PLAIN, 'a', 'x=1 shared'), 'my_b-2', 'shared y="1 2"');
    expect(both.options).toBe('root=UUID=1 rw quiet composefs=abc x=1 shared y="1 2"');
    expect(set(both, 'a', '')).toEqual({
      options: 'root=UUID=1 rw quiet composefs=abc shared y="1 2"',
      sources: { 'my_b-2': 'shared y="1 2"' },
    });
    expect(set(PLAIN, 'a', 'quiet').options).toBe(PLAIN.options);
  });

  test.each([
    ['bad name', 'x'],
    ['', 'x'],
    ['foo@bar', 'x'],
    ['a', 'composefs=?abc'],
    ['a', 'x -- y'],
  ])('%j with %j is refused', (name, text) => {
    try {
      set(PLAIN, name, text);
      expect.unreachable();
    } catch (thrown) {
      expect(isSlipwayError(thrown, 'KERNEL_ARGUMENT_INVALID')).toBe(true);
    }
  });
});

test('an entry carries them, as bootc writes them', () => {
  const text =
    'title T\nlinux /l\noptions rw a=1\nx-options-source-my_src a=1\nx-options-source-none\nx-other y\n';
  const entry = parseBootEntry(text, 'e');
  expect(sourcedOptions(entry)).toEqual({ options: 'rw a=1', sources: { my_src: 'a=1' } });
  const changed = withSourcedOptions(entry, { options: 'rw b c', sources: { z: 'c', b: 'b' } });
  expect(formatBootEntry(changed)).toBe(
    'title T\nlinux /l\noptions rw b c\nx-other y\nx-options-source-b b\nx-options-source-z c\n',
  );
});
