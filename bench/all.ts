/**
 * Runs all benches, or those named, each to its end whatever became of the others, and closes with one table of everything measured.
 *
 *     node bench/all.ts [NAME…]
 *
 * A goal that is missed is said, and fails nothing: machines differ. A bench that did not run to its end is named, and does.
 */
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, makeTempDir, SlipwayError } from '@slipway/core';
import { ROWS_FILE_VARIABLE, type Row, tableOf } from './rows.ts';

interface Outcome {
  readonly bench: string;
  /** What was measured, also by a bench that failed later. */
  readonly rows: readonly Row[];
  /** How it ended, when not well. */
  readonly problem: string | undefined;
}

const SUFFIX = '.bench.ts';
const HEADINGS = ['bench', 'step', 'peer', 'theirs', 'ours', 'ratio', 'goal', 'holds'];

const wanted = await benchesNamed(process.argv.slice(2));
await using directory = await makeTempDir('bench-rows');
const outcomes: Outcome[] = [];
for (const bench of wanted) outcomes.push(await outcomeOf(bench, join(directory.path, bench)));
process.stdout.write(summaryOf(outcomes));
process.exitCode = outcomes.some(({ problem }) => problem !== undefined) ? 1 : 0;

/** All there are, in their order, when none is named. */
async function benchesNamed(names: readonly string[]): Promise<readonly string[]> {
  const files = await readdir(import.meta.dirname);
  const all = files
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .toSorted();
  const unknown = names.find((name) => !all.includes(name));
  if (unknown === undefined) return names.length === 0 ? all : names;
  throw new SlipwayError('USAGE', `cannot run the bench ${unknown}: there is none of that name`, {
    hint: `there are ${all.join(', ')}`,
  });
}

async function outcomeOf(bench: string, rowsPath: string): Promise<Outcome> {
  process.stdout.write(`\n== ${bench}\n`);
  const problem = await problemOf(bench, rowsPath);
  const rows = await rowsIn(rowsPath);
  if (problem === undefined && rows.length === 0) return { bench, rows, problem: 'it measured nothing' };
  return { bench, rows, problem };
}

function problemOf(bench: string, rowsPath: string): Promise<string | undefined> {
  const script = join(import.meta.dirname, `${bench}${SUFFIX}`);
  const env = { ...process.env, [ROWS_FILE_VARIABLE]: rowsPath };
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script], { stdio: 'inherit', env });
    child.once('error', ({ message }) => resolve(message));
    child.once('exit', (code, signal) => {
      if (signal !== null) resolve(`ended by ${signal}`);
      else resolve(code === 0 ? undefined : `ended with ${code}`);
    });
  });
}

async function rowsIn(path: string): Promise<readonly Row[]> {
  try {
    const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
    return lines.map((line) => rowOf(JSON.parse(line) as WrittenRow));
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

/** JSON has no word for a number that is none. */
type WrittenRow = Omit<Row, 'ratio'> & { readonly ratio: number | null };

function rowOf(row: WrittenRow): Row {
  return { ...row, ratio: row.ratio ?? Number.NaN };
}

function summaryOf(all: readonly Outcome[]): string {
  const lines = all.flatMap(({ bench, rows }) => rows.map((row) => [bench, ...cellsOf(row)]));
  const judged = all.flatMap(({ rows }) => rows.filter(({ goal }) => goal !== undefined));
  const missed = judged.filter((row) => !holds(row)).length;
  const failed = all.flatMap(({ bench, problem }) =>
    problem === undefined ? [] : [`${bench} (${problem})`],
  );
  return [
    `\n== all benches\n${tableOf([HEADINGS, ...lines], 3)}`,
    `${judged.length - missed} of ${judged.length} goals hold\n`,
    ...failed.map((words) => `did not run to its end: ${words}\n`),
  ].join('');
}

function cellsOf(row: Row): readonly string[] {
  const { step, peer, theirs, ours, ratio, goal } = row;
  const verdict = goal === undefined ? ['', ''] : [`${goal}`, holds(row) ? 'yes' : 'NO'];
  return [step, peer, theirs, ours, ratio.toFixed(3), ...verdict];
}

/** A ratio that is no number holds nothing. */
function holds({ ratio, goal = Number.POSITIVE_INFINITY }: Row): boolean {
  return ratio <= goal;
}
