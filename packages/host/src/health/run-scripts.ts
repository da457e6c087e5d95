/** Runs scripts one after another, each for a limited time, and keeps what they said. */
import { isSlipwayError, messageOf, type OperationOptions, operation, run } from '@slipway/core';
import type { HealthScript } from './scripts.ts';

/** What became of a script. */
export interface ScriptResult {
  readonly name: string;
  readonly path: string;
  readonly result: 'passed' | 'failed' | 'timed-out';
  /** Null when it could not be started or did not end. */
  readonly exitCode: number | null;
  readonly durationMs: number;
  /** The last lines it printed. */
  readonly output: string;
}

/** How long a script may take. */
export interface ScriptOptions extends OperationOptions {
  readonly timeLimitSeconds: number;
}

const KEPT_LINES = 20;
const KEPT_LINE_LENGTH = 400;
/** Between asking a script to end and ending it. */
const GRACE_SECONDS = 5;
/** What `timeout` ends with when the time was over: asked, and killed. */
const TIMED_OUT = [124, 137];

/** Runs every script in order, whatever becomes of those before. */
export async function runHealthScripts(
  scripts: readonly HealthScript[],
  options: ScriptOptions,
): Promise<readonly ScriptResult[]> {
  const results: ScriptResult[] = [];
  for (const script of scripts) {
    const result = await runHealthScript(script, options);
    const { name, exitCode, durationMs } = result;
    const fields = { name, exitCode: exitCode ?? -1, durationMs };
    if (result.result === 'passed') operation(options).log.info('passed', fields);
    else operation(options).log.warn(result.result, { ...fields, output: result.output });
    results.push(result);
  }
  return results;
}

async function runHealthScript(
  { name, path, executable }: HealthScript,
  { timeLimitSeconds, signal }: ScriptOptions,
): Promise<ScriptResult> {
  const startedAt = performance.now();
  const lines: string[] = [];
  const finish = (result: ScriptResult['result'], exitCode: number | null): ScriptResult => ({
    name,
    path,
    result,
    exitCode,
    durationMs: Math.round(performance.now() - startedAt),
    output: lines.join('\n'),
  });
  // timeout ends what the script started as well. What got away and still holds its output is waited for no longer than that.
  const last = AbortSignal.timeout((timeLimitSeconds + 2 * GRACE_SECONDS) * 1000);
  const limit = ['timeout', `--kill-after=${GRACE_SECONDS}`, String(timeLimitSeconds)] as const;
  try {
    const { exitCode } = await run([...limit, ...(executable ? [] : ['bash']), path], {
      describe: `run ${path}`,
      signal: signal === undefined ? last : AbortSignal.any([signal, last]),
      allowExitCodes: ANY_EXIT_CODE,
      debianPackage: 'coreutils',
      onLine: (line) => {
        lines.push(line.slice(0, KEPT_LINE_LENGTH));
        if (lines.length > KEPT_LINES) lines.shift();
      },
    });
    if (TIMED_OUT.includes(exitCode)) return finish('timed-out', null);
    return finish(exitCode === 0 ? 'passed' : 'failed', exitCode);
  } catch (thrown) {
    signal?.throwIfAborted();
    if (isSlipwayError(thrown, 'ABORTED')) return finish('timed-out', null);
    lines.push(messageOf(thrown));
    return finish('failed', null);
  }
}

const ANY_EXIT_CODE: readonly number[] = Array.from({ length: 256 }, (_, code) => code);
