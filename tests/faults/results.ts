/** What the tests of faults found out, for the table and for `build/faults.json`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { ROOT } from '../harness/slipway.ts';

/** A line of the table. */
export interface FaultRow {
  readonly kind: string;
  readonly tried: number;
  readonly survived: number;
  readonly lost: number;
  readonly seconds: number;
}

/** What one file of tests found out. */
export interface FaultReport {
  readonly rows: readonly FaultRow[];
  /** Its part of `build/faults.json`. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** Where they are collected. */
export const REPORTS: string = `${ROOT}/build/faults`;

/** Whether only a few minutes are to be spent: `SLIPWAY_FAULTS=quick`. */
export const IS_QUICK: boolean = process.env['SLIPWAY_FAULTS'] === 'quick';

/** What chance depends on; `FAULTS_SEED` repeats a run. */
export const SEED: number = Number(process.env['FAULTS_SEED'] ?? 1);

/** Keeps what was found out, failures included. */
export async function report(name: string, found: FaultReport): Promise<void> {
  await mkdir(REPORTS, { recursive: true });
  await writeFile(`${REPORTS}/${name}.json`, `${JSON.stringify(found, undefined, 2)}\n`);
}

/** A line of the table from how many of so many were lost since a moment of `performance.now()`. */
export function row(kind: string, tried: number, lost: number, sinceMs: number): FaultRow {
  const seconds = Math.round((performance.now() - sinceMs) / 100) / 10;
  return { kind, tried, survived: tried - lost, lost, seconds };
}

/** Runs a step that is tried once, and keeps whether it went well among the lines. */
export async function countedStep(rows: FaultRow[], kind: string, step: () => Promise<void>): Promise<void> {
  const startMs = performance.now();
  let lost = 1;
  try {
    await step();
    lost = 0;
  } finally {
    rows.push(row(kind, 1, lost, startMs));
  }
}
