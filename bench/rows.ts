/** What benches measured, as lines of a table: each prints its own, and `make bench` all of them at the end. */
import { appendFileSync } from 'node:fs';
import { formatBytes } from '@slipway/core';

/** A line of the table every bench prints; what it compares need not be times. */
export interface Row {
  readonly step: string;
  /** What is compared with. */
  readonly peer: string;
  readonly theirs: string;
  readonly ours: string;
  /** Ours of theirs: below 1 is less. */
  readonly ratio: number;
  readonly cpuRatio?: number;
  /** The ratio that is aimed at: what is above it does not hold. */
  readonly goal?: number;
  readonly peak?: string;
}

/** Names the file a bench adds its rows to, one JSON document a line, where somebody wants them all. */
export const ROWS_FILE_VARIABLE = 'SLIPWAY_BENCH_ROWS';

const HEADINGS = ['step', 'peer', 'theirs', 'ours', 'ratio', 'CPU ratio', 'goal', 'our peak'];

/** Prints the table. */
export function printRows(rows: readonly Row[]): void {
  process.stdout.write(tableOf([HEADINGS, ...rows.map(cellsOf)], 2));
  const path = process.env[ROWS_FILE_VARIABLE];
  if (path !== undefined) for (const row of rows) appendFileSync(path, `${JSON.stringify(row)}\n`);
}

/** Lines whose columns are as wide as their widest cell; the first few start at the left, the others end at the right. */
export function tableOf(lines: readonly (readonly string[])[], leftColumns: number): string {
  const columns = Math.max(0, ...lines.map((line) => line.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const text = lines.map((line) => {
    const cells = line.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column < leftColumns ? cell.padEnd(width) : cell.padStart(width);
    });
    return `${cells.join('  ').trimEnd()}\n`;
  });
  return text.join('');
}

function cellsOf({ step, peer, theirs, ours, ratio, cpuRatio, goal, peak = '' }: Row): readonly string[] {
  return [
    step,
    peer,
    theirs,
    ours,
    ratio.toFixed(3),
    cpuRatio === undefined ? '' : cpuRatio.toFixed(2),
    goal === undefined ? '' : `${goal}`,
    peak,
  ];
}

/** Bytes of both sides, as a row. */
export function bytesRow(
  row: Pick<Row, 'step' | 'peer' | 'goal'>,
  theirBytes: number,
  ourBytes: number,
): Row {
  const shownBytes = { theirs: formatBytes(theirBytes), ours: formatBytes(ourBytes) };
  return { ...row, ...shownBytes, ratio: ourBytes / theirBytes };
}

/** A time that is to stay under a bound, as a row. */
export function boundRow(step: string, wallMs: number, boundMs: number): Row {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  const shown = { theirs: seconds(boundMs), ours: seconds(wallMs) };
  return { step, peer: 'the bound', ...shown, ratio: wallMs / boundMs, goal: 1 };
}
