import { mkdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { messageOf } from './slipway-error.ts';
import { systemRefusal } from './system-error.ts';

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (thrown) {
    return thrown;
  }
}

describe('a refused system call', () => {
  test('is told in words, with what was asked', () => {
    const thrown = thrownBy(() => readFileSync('/nonexistent/file'));
    expect(systemRefusal(thrown)).toEqual({
      errno: 'ENOENT',
      syscall: 'open',
      path: '/nonexistent/file',
      meaning: 'no such file or directory',
    });
    expect(messageOf(thrown)).toBe('no such file or directory (open /nonexistent/file)');
    expect(messageOf(thrownBy(() => mkdirSync('/proc/self/cmdline/x')))).toBe(
      'not a directory (mkdir /proc/self/cmdline/x)',
    );
  });

  test.each([[new Error('broken')], ['text'], [undefined], [Object.assign(new Error('x'), { code: 'E' })]])(
    'is nothing else: %s',
    (thrown) => {
      expect(systemRefusal(thrown)).toBeUndefined();
    },
  );
});
