/** `make test-faults`: runs the tests of faults, prints what they came to as a table, and writes it to build/faults.json. */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type FaultReport, type FaultRow, REPORTS } from '../../tests/faults/results.ts';

const RESULT = 'build/faults.json';
const MAX_SEED = 2 ** 31;

const seed = process.env['FAULTS_SEED'] ?? String(Math.floor(Math.random() * MAX_SEED));
process.stdout.write(`FAULTS_SEED=${seed}\n`);
await rm(REPORTS, { recursive: true, force: true });
await mkdir(REPORTS, { recursive: true });
const argv = ['node_modules/.bin/vitest', 'run', '--project=faults', '--reporter=verbose'];
process.exitCode = await new Promise<number>((resolve) => {
  const child = spawn(process.execPath, [...argv, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, FAULTS_SEED: seed },
  });
  child.once('close', (code) => resolve(code ?? 1));
});

const reports = await Promise.all(
  (await readdir(REPORTS))
    .toSorted()
    .map(async (name) => JSON.parse(await readFile(`${REPORTS}/${name}`, 'utf8')) as FaultReport),
);
const merged = Object.assign({}, ...reports.map(({ json }) => json)) as Record<string, unknown>;
await writeFile(RESULT, `${JSON.stringify(merged, undefined, 2)}\n`);
process.stdout.write(
  `\n${table(reports.flatMap(({ rows }) => rows))}\nwritten to ${RESULT}; FAULTS_SEED=${seed}\n`,
);

function table(rows: readonly FaultRow[]): string {
  const head = ['kind', 'tried', 'survived', 'lost', 'seconds'];
  const lines = [
    head,
    ...rows.map((row) => [row.kind, row.tried, row.survived, row.lost, row.seconds].map(String)),
  ];
  const widths = head.map((_title, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map((line) => line.map((cell, column) => pad(cell, widths[column] ?? 0, column > 0)).join('  '))
    .join('\n');
}

function pad(text: string, width: number, toTheRight: boolean): string {
  return toTheRight ? text.padStart(width) : text.padEnd(width);
}
