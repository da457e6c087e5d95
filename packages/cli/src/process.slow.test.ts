import { spawn, spawnSync } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, 'main.ts');

function slipway(...args: readonly string[]) {
  return slipwayIn({}, ...args);
}

function slipwayIn(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const result = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** A program with one command whose code is given: what a command can do to the process. */
function programOf(body: string): string {
  const here = (name: string): string => pathToFileURL(join(import.meta.dirname, name)).href;
  return `
import { runProcess } from '${here('process.ts')}';
import { SlipwayError } from '${here('../../core/src/index.ts')}';
await runProcess({ groups: [], chapters: [], commands: [{
  path: ['go'], aliases: [], summary: 's', description: [], arguments: {}, options: { json: { kind: 'flag', help: 'h' } },
  examples: [], exitCodes: [], json: undefined, hidden: false, load: async () => async (input, context) => { ${body} },
}] });`;
}

function runProgram(body: string, ...args: readonly string[]) {
  const node = ['--input-type=module', '-e', programOf(body), '--', 'program', 'go', ...args];
  const result = spawnSync(process.execPath, node, { encoding: 'utf8', maxBuffer: 2 ** 24 });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

describe('what goes where', () => {
  test('help is data: on standard output, exit 0', () => {
    const result = slipway('--help');
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toContain('upgrade');
  });

  test('data is data', () => {
    const result = slipway('version', '--json');
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(result.stdout)).toMatchObject({ node: process.versions.node });
  });

  test.each([
    ['an unknown option', ['upgrade', '--frobnicate']],
    ['an unknown command', ['upgrad']],
    ['no command', []],
    ['a bad value', ['image', 'x', '-o', 'out', '--size', 'huge']],
    ['a bad shell', ['completion', 'tcsh']],
  ])('%s: two lines on standard error, exit 2', (_what, args) => {
    const result = slipway(...args);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toMatch(/^error: cannot .+\nhint: .+\n$/);
  });

  test('exit 1 where another tool has no other code', () => {
    expect(slipway('composefs').status).toBe(1);
    expect(slipway('composefs', 'ls', '--frobnicate', 'x').status).toBe(1);
    const result = slipway('composefs', 'ls', '--json', '/nothing');
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(JSON.parse(result.stderr)).toMatchObject({ code: 'IO_FAILED', exitCode: 1 });
  });

  test('an unknown option in JSON', () => {
    const result = slipway('status', '--json', '--frobnicate');
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(JSON.parse(result.stderr)).toMatchObject({ type: 'error', code: 'USAGE', exitCode: 2 });
  });

  test('colour only when asked for, where nobody watches', () => {
    expect(slipway('nothing').stderr).not.toContain('\u001b');
    expect(slipwayIn({ FORCE_COLOR: '1', NO_COLOR: '1' }, 'nothing').stderr).not.toContain('\u001b');
  });
});

test('called as bootc it is bootc', async () => {
  await using dir = await makeTempDir('bootc');
  const link = join(dir.path, 'bootc.ts');
  await symlink(MAIN, link);
  const result = spawnSync(process.execPath, [link, 'upgrade', '--help'], { encoding: 'utf8' });
  expect(result.stdout).toContain('Usage:\n  bootc upgrade [OPTIONS]');
});

test('a reader that goes away ends it without a word', () => {
  const pipeline = `"${process.execPath}" "${MAIN}" completion bash | true; echo "\${PIPESTATUS[0]}"`;
  const result = spawnSync('bash', ['-c', pipeline], { encoding: 'utf8' });
  expect(result.stderr).toBe('');
  // 0 when everything was written before the reader was gone.
  expect(['0', '141']).toContain(result.stdout.trim());
});

describe('how a command ends', () => {
  test('with the code it answers', () => {
    expect(runProgram('return 7;')).toEqual({ status: 7, stdout: '', stderr: '' });
  });

  test('with the code of its error', () => {
    const body = "throw new SlipwayError('NOT_ROOT', 'cannot update: needs root', { hint: 'use sudo' });";
    const expected = { status: 4, stdout: '', stderr: 'error: cannot update: needs root\nhint: use sudo\n' };
    expect(runProgram(body)).toEqual(expected);
    expect(runProgram(body, '--verbose').stderr).toContain('code: NOT_ROOT\n');
    expect(JSON.parse(runProgram(body, '--json').stderr)).toMatchObject({ code: 'NOT_ROOT', exitCode: 4 });
    expect(JSON.parse(runProgram(body, '--progress', 'json').stderr)).toMatchObject({ hint: 'use sudo' });
  });

  test('with 125 and a stack for a bug', () => {
    const result = runProgram('return input.nothing.at.all;');
    expect(result.status).toBe(125);
    expect(result.stderr).toMatch(/^internal error: .*\nhint: this is a bug in Slipway.*\nTypeError/);
  });

  test('even when something keeps the process busy', () => {
    expect(runProgram('setInterval(() => {}, 1000); context.print("x"); return 0;')).toMatchObject({
      status: 0,
      stdout: 'x',
    });
  });

  test('nothing it prints is lost in a pipe', () => {
    const result = runProgram('context.print("x".repeat(3_000_000)); return 0;');
    expect(result.stdout.length).toBe(3_000_000);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s aborts its signal and ends it with %d', async (signal, code) => {
    const body = `
      context.print('ready');
      await new Promise((resolve, reject) => {
        const timer = setInterval(() => {}, 1000);
        context.operation.signal.addEventListener('abort', () => {
          clearInterval(timer);
          context.print(' tidied');
          reject(context.operation.signal.reason);
        });
      });`;
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      programOf(body),
      '--',
      'program',
      'go',
    ]);
    let stdout = '';
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      if (stdout === 'ready') child.kill(signal);
    });
    const status = await new Promise((resolve) => child.once('close', resolve));
    expect({ status, stdout }).toEqual({ status: code, stdout: 'ready tidied' });
    expect(stderr).toBe(`error: cannot go on: stopped by ${signal}\n`);
  });
});
