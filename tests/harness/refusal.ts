/** What a refused command must look like, and what it must not have done. */
import { existsSync, readdirSync } from 'node:fs';
import { run } from '@slipway/core';
import { expect } from 'vitest';
import { ROOT } from './slipway.ts';

/** How a command is called, and what is said when it is refused. */
export interface Refusal {
  readonly args: readonly string[];
  /** A documented exit code. */
  readonly exitCode: number;
  /** After `error: cannot`. */
  readonly message: RegExp;
  readonly hint: RegExp;
  readonly env?: Readonly<Record<string, string>>;
  /** Programs that start the command for another user or in another place. */
  readonly through?: readonly string[];
  /** Nothing may be in here afterwards. */
  readonly empty?: string;
}

/** Another user, without any capability. */
export const AS_NOBODY: readonly string[] = [
  'setpriv',
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  '--inh-caps=-all',
  '--bounding-set=-all',
  '--no-new-privs',
  '--',
];

const ANY_EXIT_CODE: readonly number[] = Array.from({ length: 256 }, (_, code) => code);

/** Runs the command of this checkout as somebody else would, whatever comes of it. */
export async function slipwayThrough(
  through: readonly string[],
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
  const [program, ...rest] = [...through, `${ROOT}/bin/slipway`, ...args];
  const result = await run([program ?? '', ...rest], {
    describe: `run slipway ${args.join(' ')}`,
    cwd: ROOT,
    env,
    allowExitCodes: ANY_EXIT_CODE,
  });
  return { ...result, stdout: result.stdout.toString('utf8') };
}

/** The command is refused: one error with a hint, a documented exit code, nothing on standard output, nothing written. */
export async function expectRefusal(refusal: Refusal): Promise<void> {
  const { args, exitCode, message, hint, env = {}, through = [], empty } = refusal;
  const { stdout, stderr, ...result } = await slipwayThrough(through, args, env);
  const lines = stderr.trimEnd().split('\n');
  const errors = lines.filter((line) => line.startsWith('error: '));
  const hints = lines.filter((line) => line.startsWith('hint: '));
  expect({ exitCode: result.exitCode, stdout, errors: errors.length, hints: hints.length }, stderr).toEqual({
    exitCode,
    stdout: '',
    errors: 1,
    hints: 1,
  });
  expect(errors[0]).toMatch(/^error: cannot /);
  expect(errors[0]).toMatch(message);
  expect(hints[0]).toMatch(hint);
  // The error is the last thing said, and no traces of JavaScript, of OpenSSL or of errno are in it.
  expect(lines.at(-1)).toBe(hints[0]);
  expect(stderr).not.toMatch(/\n\s+at |node:|\.ts:\d|\bE[A-Z]{4,}:|openssl|undefined|\[object/);
  if (empty !== undefined) expect(existsSync(empty) ? readdirSync(empty) : []).toEqual([]);
}
