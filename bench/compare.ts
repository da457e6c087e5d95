import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { formatBytes, run } from '@slipway/core';
import { ROOT } from '../tests/harness/slipway.ts';
import { printRows, type Row } from './rows.ts';

/** What one run of something took. */
export interface Timing {
  readonly wallMs: number;
  /** User and system, of all threads. */
  readonly cpuMs: number;
  /** The most memory it ever held, where that is of interest. */
  readonly peakBytes?: number;
}

/** What several runs, one after the other, took. */
export function together(...timings: readonly Timing[]): Timing {
  return {
    wallMs: timings.reduce((sum, { wallMs }) => sum + wallMs, 0),
    cpuMs: timings.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
  };
}

/** One step, done by the tool to compare with and by us. */
export interface Comparison {
  readonly step: string;
  /** The other tool. */
  readonly peer: string;
  readonly theirs: () => Promise<Timing>;
  readonly ours: () => Promise<Timing>;
  /** Bytes worked on, where a rate says more than seconds. */
  readonly workBytes?: number;
  /** The ratio of times that is aimed at. */
  readonly goal?: number;
  /** How often each side runs, where that takes long. */
  readonly rounds?: number;
}

/** Machines have other work to do: of so many rounds, unless a comparison says how many, the fastest of each side counts. */
const ROUNDS = 5;

/** Runs a program to its end, its output thrown away. */
export async function timeProgram(argv: readonly string[]): Promise<Timing> {
  const started = performance.now();
  const { stdout } = await run(['sh', '-c', '"$@" > /dev/null; times', 'sh', ...argv], {
    describe: `time ${argv.join(' ')}`,
  });
  return { wallMs: performance.now() - started, cpuMs: childrenCpuMs(stdout.toString('utf8')) };
}

/** Runs a script of this directory in a Node of its own, started as bin/slipway does; the script says what it took by {@link report}. */
export async function timeScript(script: string, args: readonly string[]): Promise<Timing> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await run(
    [process.execPath, '--max-semi-space-size=1', '--single-threaded-gc', path, ...args],
    {
      describe: `time ${script}`,
      env: { NODE_COMPILE_CACHE: `${ROOT}/.cache/compile` },
    },
  );
  return JSON.parse(stdout.toString('utf8')) as Timing;
}

/** Does what a script started by {@link timeScript} is for, and says what it took. */
export async function report(step: () => Promise<void>): Promise<void> {
  const { wallMs } = await timeHere(step);
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const cpuMs = (userCPUTime + systemCPUTime) / 1000;
  process.stdout.write(JSON.stringify({ wallMs, cpuMs, peakBytes: await peakBytes() } satisfies Timing));
}

/** Of this program alone: what getrusage(2) says begins with the memory of whoever started it (proc_pid_status(5)). */
async function peakBytes(): Promise<number> {
  const kib = /^VmHWM:\s+(?<kib>\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8'))?.groups?.['kib'];
  return Number(kib) * 1024;
}

/** Runs a step of our own in this process, as a program that uses the library does. */
export async function timeHere(step: () => unknown): Promise<Timing> {
  const before = process.cpuUsage();
  const started = performance.now();
  await step();
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  return { wallMs, cpuMs: (user + system) / 1000 };
}

/** Runs both sides by turns, so that whatever else the machine does hits both, and prints how they compare. */
export async function compare(comparisons: readonly Comparison[]): Promise<void> {
  const rows: Row[] = [];
  for (const comparison of comparisons) rows.push(await measured(comparison));
  printRows(rows);
}

async function measured(comparison: Comparison): Promise<Row> {
  const theirs: Timing[] = [];
  const ours: Timing[] = [];
  for (let round = 0; round < (comparison.rounds ?? ROUNDS); round += 1) {
    theirs.push(await comparison.theirs());
    ours.push(await comparison.ours());
  }
  const wall = [fastest(theirs, 'wallMs'), fastest(ours, 'wallMs')] as const;
  const cpu = [fastest(theirs, 'cpuMs'), fastest(ours, 'cpuMs')] as const;
  const { step, peer, goal, workBytes } = comparison;
  return {
    step,
    peer,
    theirs: shown(wall[0], workBytes),
    ours: shown(wall[1], workBytes),
    ratio: wall[1] / wall[0],
    cpuRatio: cpu[1] / cpu[0],
    ...(goal === undefined ? {} : { goal }),
    peak: peak(ours),
  };
}

function peak(timings: readonly Timing[]): string {
  const most = Math.max(...timings.map(({ peakBytes = 0 }) => peakBytes));
  return most === 0 ? '' : formatBytes(most);
}

function fastest(timings: readonly Timing[], of: 'wallMs' | 'cpuMs'): number {
  return Math.min(...timings.map((timing) => timing[of]));
}

function shown(ms: number, workBytes: number | undefined): string {
  return workBytes === undefined
    ? `${(ms / 1000).toFixed(2)} s`
    : `${Math.round(workBytes / ms / 1000)} MB/s`;
}

/** The second line `times` prints: `0m0.512s 0m0.104s`, of what the shell ran. */
function childrenCpuMs(times: string): number {
  const [, children = ''] = times.trim().split('\n');
  let ms = 0;
  for (const [, minutes, seconds] of children.matchAll(/(\d+)m([\d.]+)s/g)) {
    ms += Number(minutes) * 60_000 + Number(seconds) * 1000;
  }
  return ms;
}
