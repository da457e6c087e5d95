import { appendFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSlipwayError, messageOf, type Operation, run, SlipwayError } from '@slipway/core';
import type { KickstartScript } from '../kickstart/plan.ts';

/** Where a script runs. */
export interface ScriptPlace {
  /** The system it is shut into; this one where absent. */
  readonly root: string | undefined;
  /** Where the new system is, for scripts outside it. */
  readonly installPath: string | undefined;
}

/**
 * Runs a script of a kickstart file; what it prints is logged, and added to the file it names.
 *
 * @throws SlipwayError SCRIPT_FAILED when it ends badly and is to stop the installation, TOOL_MISSING when its interpreter is not there
 */
export async function runScript(
  script: KickstartScript,
  place: ScriptPlace,
  operation: Operation,
): Promise<void> {
  const lines: string[] = [];
  const name = `%${script.when} of ${script.file}:${script.line}`;
  // The text goes in as standard input of a shell that puts it into a file: no path of ours is visible inside the new system.
  const start = [
    '/bin/sh',
    '-c',
    'f=$(mktemp) && cat > "$f" && exec "$0" "$f" < /dev/null',
    script.interpreter,
  ] as const;
  const argv = place.root === undefined ? start : (['chroot', place.root, ...start] as const);
  try {
    await run(argv, {
      describe: `run ${name}`,
      input: script.body,
      env: place.installPath === undefined ? {} : { ANA_INSTALL_PATH: place.installPath },
      onLine: (line) => {
        lines.push(line);
        operation.log.info(`%${script.when}: ${line}`);
      },
      signal: operation.signal,
    });
  } catch (cause) {
    if (!isSlipwayError(cause, 'TOOL_FAILED')) throw cause;
    if (script.stopsOnError) {
      throw new SlipwayError('SCRIPT_FAILED', `cannot go on: ${name} failed: ${messageOf(cause)}`, {
        hint: 'correct the script; what is on the disk now is not finished',
        details: { file: script.file, line: script.line },
        cause,
      });
    }
    operation.log.warn(`${name} failed: ${messageOf(cause)}`);
  } finally {
    await writeLog(script, place, lines);
  }
}

async function writeLog(
  { logFile }: KickstartScript,
  { root }: ScriptPlace,
  lines: readonly string[],
): Promise<void> {
  if (logFile === undefined) return;
  const path = join(root ?? '/', logFile);
  await mkdir(dirname(path), { recursive: true });
  await appendFile(path, lines.map((line) => `${line}\n`).join(''));
}
