import { fileURLToPath } from 'node:url';
import { type RunResult, run } from '@slipway/core';

/** The top of the checkout. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

/** Where tests keep what is slow to make; `make clean` removes it. */
export const CACHE: string = `${ROOT}/build/cache`;

/** How to run the command. */
export interface SlipwayOptions {
  /** Exit codes the test expects besides 0. */
  readonly allowExitCodes?: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Runs the slipway of this checkout, the way a user does. */
export function slipway(args: readonly string[], options: SlipwayOptions = {}): Promise<RunResult> {
  return run([`${ROOT}/bin/slipway`, ...args], {
    describe: `run slipway ${args.join(' ')}`,
    cwd: ROOT,
    ...options,
  });
}

/** The same with `--json`, its output parsed. */
export async function slipwayJson(args: readonly string[], options: SlipwayOptions = {}): Promise<unknown> {
  const { stdout } = await slipway([...args, '--json'], options);
  return JSON.parse(stdout.toString('utf8')) as unknown;
}
