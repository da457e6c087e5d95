import { describe, expect, test } from 'vitest';
import { SlipwayError } from './errors/slipway-error.ts';
import { run } from './run.ts';

async function failureOf(promise: Promise<unknown>): Promise<SlipwayError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof SlipwayError)) throw new Error(`expected a SlipwayError, got ${String(thrown)}`);
  return thrown;
}

describe('run', () => {
  test('hands back output and passes input', async () => {
    const { stdout } = await run(['cat'], { describe: 'copy', input: 'some text' });
    expect(stdout.toString()).toBe('some text');
  });

  test('runs in the C locale with the environment it is given', async () => {
    const { stdout } = await run(['sh', '-c', 'echo $LC_ALL $EXTRA'], {
      describe: 'ask',
      env: { EXTRA: 'x' },
    });
    expect(stdout.toString()).toBe('C.UTF-8 x\n');
  });

  test('a failing program is an error that shows what it printed', async () => {
    const failure = await failureOf(
      run(['sh', '-c', 'echo broken pipe dream >&2; exit 7'], { describe: 'try' }),
    );
    expect(failure.code).toBe('TOOL_FAILED');
    expect(failure.message).toContain('cannot try: sh ended with 7');
    expect(failure.message).toContain('broken pipe dream');
    expect(failure.details).toEqual({ program: 'sh', exitCode: 7 });
  });

  test('an exit code named as an answer is one', async () => {
    const { exitCode } = await run(['sh', '-c', 'exit 3'], { describe: 'ask', allowExitCodes: [3] });
    expect(exitCode).toBe(3);
  });

  test('a missing program names the package that has it', async () => {
    const failure = await failureOf(
      run(['no-such-program'], { describe: 'try', debianPackage: 'some-package' }),
    );
    expect(failure.code).toBe('TOOL_MISSING');
    expect(failure.hint).toContain('apt-get install some-package');
  });

  test('a signal ends the program', async () => {
    const abort = new AbortController();
    const running = failureOf(run(['sleep', '600'], { describe: 'wait', signal: abort.signal }));
    abort.abort();
    expect((await running).code).toBe('ABORTED');
  });

  test('lines arrive whole, the last one without its newline too', async () => {
    const lines: string[] = [];
    await run(['printf', 'one\\ntwo\\nthree'], { describe: 'print', onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['one', 'two', 'three']);
  });
});
