/** The fast gate: every check that needs no machine but this one, each timed, all of them run even when one fails. */
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';

interface Check {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
}

const BIN = 'node_modules/.bin';

const CHECKS: readonly Check[] = [
  { name: 'format', argv: [`${BIN}/biome`, 'check', '--error-on-warnings', '.'] },
  { name: 'types', argv: ['node_modules/ts7/bin/tsc', '-p', '.'] },
  { name: 'types of the page', argv: ['node_modules/ts7/bin/tsc', '-p', 'packages/console'] },
  { name: 'lint', argv: [`${BIN}/oxlint`, '--type-aware', '--deny-warnings'] },
  {
    name: 'imports',
    argv: [`${BIN}/depcruise`, '--config', '.dependency-cruiser.mjs', 'packages', 'tools', 'tests'],
  },
  { name: 'dead code', argv: [`${BIN}/knip`, '--no-config-hints'] },
];

const UNIT: Check = { name: 'unit tests', argv: [`${BIN}/vitest`, 'run', '--project', 'unit'] };

const checks = process.argv.includes('--without-unit') ? CHECKS : [...CHECKS, UNIT];
const started = performance.now();
const failed: string[] = [];
for (const check of checks) {
  const { exitCode, output, seconds } = await runCheck(check);
  process.stdout.write(`${exitCode === 0 ? 'ok    ' : 'FAILED'} ${check.name} (${seconds.toFixed(1)} s)\n`);
  if (exitCode !== 0) {
    failed.push(check.name);
    process.stdout.write(output);
  }
}
process.stdout.write(`check: ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
if (failed.length > 0) {
  process.stdout.write(`check: failed: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}

async function runCheck(check: Check): Promise<{ exitCode: number; output: string; seconds: number }> {
  const start = performance.now();
  const child = spawn(process.execPath, check.argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exitCode = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)));
  return { exitCode, output, seconds: (performance.now() - start) / 1000 };
}
