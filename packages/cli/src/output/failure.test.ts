import { readFile } from 'node:fs/promises';
import { SlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { failureJson, failureOf, failureText } from './failure.ts';
import { plainStyle } from './style.ts';

const OURS = new SlipwayError('OCI_UNREACHABLE', 'cannot reach the registry', {
  hint: 'is the network up?',
  details: { host: 'a\u001b[2J', attempts: 3 },
  cause: new Error('connect failed', { cause: new Error('no route') }),
});

async function thrownBy(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (thrown) {
    return thrown;
  }
  throw new Error('nothing thrown');
}

describe('our own errors', () => {
  test('message and hint for people', () => {
    expect(failureText(failureOf(OURS), plainStyle, false)).toEqual([
      'error: cannot reach the registry',
      'hint: is the network up?',
    ]);
  });

  test('everything known when verbose, nothing a terminal obeys', () => {
    expect(failureText(failureOf(OURS), plainStyle, true).slice(2)).toEqual([
      'code: OCI_UNREACHABLE',
      'host: a\\x1b[2J',
      'attempts: 3',
      'cause: connect failed',
      'cause: no route',
    ]);
  });

  test('one object for programs, with the exit code of the catalogue', () => {
    expect(JSON.parse(failureJson(failureOf(OURS)))).toEqual({
      type: 'error',
      code: 'OCI_UNREACHABLE',
      message: 'cannot reach the registry',
      hint: 'is the network up?',
      details: { host: 'a\u001b[2J', attempts: 3 },
      exitCode: 5,
    });
  });

  test('a chain of causes that comes back to itself ends', () => {
    const error = new SlipwayError('IO_FAILED', 'cannot read');
    error.cause = error;
    expect(failureText(failureOf(error), plainStyle, true).length).toBeLessThan(20);
  });
});

test('a refused system call is a failure of the machine, not a bug', async () => {
  const failure = failureOf(await thrownBy(() => readFile('/nonexistent/file')));
  expect(failure).toMatchObject({ kind: 'expected', exitCode: 5, error: { code: 'IO_FAILED' } });
  expect(failureText(failure, plainStyle, false)).toEqual([
    'error: cannot open /nonexistent/file: no such file or directory',
    'hint: check the path',
  ]);
});

test('an abort is a cancelled step', () => {
  const thrown = new DOMException('gone', 'AbortError');
  expect(failureOf(thrown)).toMatchObject({ kind: 'expected', error: { code: 'ABORTED' } });
});

test.each([
  [new TypeError('x is not a function')],
  ['a string'],
  [undefined],
  [new SlipwayError('INTERNAL', 'two heads')],
])('anything else is a bug: %s', (thrown) => {
  const failure = failureOf(thrown);
  expect(failure).toMatchObject({ kind: 'bug', exitCode: 125 });
  const text = failureText(failure, plainStyle, false).join('\n');
  expect(text).toMatch(/^internal error: /);
  expect(text).toContain('please report it');
  expect(JSON.parse(failureJson(failure))).toMatchObject({ code: 'INTERNAL', exitCode: 125 });
});
