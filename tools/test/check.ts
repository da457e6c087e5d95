/** The fast gate: every check that needs no machine but this one, each timed, all of them run even when one fails. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';

interface Check {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
}

const BIN = 'node_modules/.bin';

/** The longest first: as many run beside each other as there are processors. */
const CHECKS: readonly Check[] = [
  { name: 'lint', argv: [`${BIN}/oxlint`, '--type-aware', '--deny-warnings'] },
  { name: 'types', argv: ['node_modules/ts7/bin/tsc', '-p', '.'] },
  { name: 'types of the page', argv: ['node_modules/ts7/bin/tsc', '-p', 'packages/console'] },
  {
    name: 'imports',
    argv: [`${BIN}/depcruise`, '--config', '.dependency-cruiser.mjs', 'packages', 'tools', 'tests'],
  },
  { name: 'dead code', argv: [`${BIN}/knip`, '--no-config-hints'] },
  { name: 'format', argv: [`${BIN}/biome`, 'check', '--error-on-warnings', '.'] },
];

/** Keeps all processors busy by itself. */
const UNIT: Check = { name: 'unit tests', argv: [`${BIN}/vitest`, 'run', '--project', 'unit'] };

const started = performance.now();
const failed: string[] = [];
const waiting = [...CHECKS];
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, runWaiting));
if (!process.argv.includes('--without-unit')) await runCheck(UNIT);
process.stdout.write(`check: ${secondsSince(started)} s\n`);
if (failed.length > 0) {
  process.stdout.write(`check: failed: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}

async function runWaiting(): Promise<void> {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) await runCheck(check);
}

async function runCheck(check: Check): Promise<void> {
  const start = performance.now();
  const child = spawn(process.execPath, check.argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exitCode = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)));
  process.stdout.write(`${exitCode === 0 ? 'ok    ' : 'FAILED'} ${check.name} (${secondsSince(start)} s)\n`);
  if (exitCode === 0) return;
  failed.push(check.name);
  process.stdout.write(output);
}

function secondsSince(start: number): string {
  return ((performance.now() - start) / 1000).toFixed(1);
}
