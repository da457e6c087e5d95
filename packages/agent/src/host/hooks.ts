import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, type OperationOptions, run } from '@slipway/core';

/** When hooks run; names of directories below `hooks.d`. */
export type HookMoment = 'before-update' | 'after-update' | 'before-reboot' | 'after-reboot';

/** The image's hooks, and those of the machine, which replace what has the same name. */
export const HOOK_DIRECTORIES: readonly string[] = ['/usr/lib/slipway/hooks.d', '/etc/slipway/hooks.d'];

const TIME_LIMIT_SECONDS = 600;

/**
 * Runs the hooks of a moment in the order of their names.
 *
 * @throws SlipwayError TOOL_FAILED from the first that does not end with 0; those after it do not run
 */
export async function runHooks(
  directories: readonly string[],
  moment: HookMoment,
  env: Readonly<Record<string, string>>,
  options: OperationOptions,
): Promise<void> {
  for (const path of await findHooks(directories, moment)) {
    options.log?.info('running a hook', { path });
    await run(['timeout', '--kill-after=5', String(TIME_LIMIT_SECONDS), path], {
      describe: `run the hook ${path}`,
      debianPackage: 'coreutils',
      env: { SLIPWAY_HOOK: moment, ...env },
      ...options,
    });
  }
}

async function findHooks(directories: readonly string[], moment: HookMoment): Promise<readonly string[]> {
  const found = new Map<string, string>();
  for (const directory of directories) {
    const place = join(directory, moment);
    for (const name of await namesIn(place)) found.set(name, join(place, name));
  }
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.startsWith('.') && !name.endsWith('~'));
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}
