/**
 * What a host spends on itself: `slipway status`, and staging an update that is here already, as the executable a host has.
 *
 *     node bench/host.bench.ts
 *
 * The host is a directory with a Debian image of its real size; the update is the next release of an application on it, in a layout. Needs root.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { makeTempDir, run } from '@slipway/core';
import { recordBoot } from '../packages/host/src/booted.ts';
import { boot, installFromLayout } from '../packages/host/src/testing/test-host.ts';
import { exampleImage } from '../tests/harness/images.ts';
import { onBootedHost, timed } from './booted-host.ts';
import { slipwayExecutable } from './executable.ts';
import { boundRow, bytesRow, printRows } from './rows.ts';

const STATUS_ROUNDS = 10;
const STAGE_ROUNDS = 3;
const STATUS_GOAL_MS = 120;
const STATUS_GOAL_BYTES = 60 * 1000 * 1000;
const STAGE_GOAL_MS = 3000;
const SAMPLE_MS = 2;

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);
const first = await exampleImage({ folder: 'web-application' }, say);
const second = await exampleImage({ folder: 'web-application', containerfile: 'Containerfile.v2' }, say);
await using directory = await makeTempDir('bench-host');
await using mounts = await makeTempDir('bench-mounts');
await installFromLayout(directory.path, first);
const host = await boot(directory.path);
await recordBoot(host);
const onHost = onBootedHost(host, mounts.path, await slipwayExecutable());

const staging: number[] = [];
for (let round = 0; round < STAGE_ROUNDS; round += 1) {
  staging.push(Math.min(...(await measured(1, ['switch', second]))));
  await run([...onHost, '/mnt/slipway', 'unstage'], { describe: 'unstage' });
}
await run([...onHost, '/mnt/slipway', 'switch', second], { describe: 'stage' });
const status = await measured(STATUS_ROUNDS, ['status', '--json']);
printRows([
  boundRow('stage a release whose layers are here', Math.min(...staging), STAGE_GOAL_MS),
  boundRow('status --json, something staged', Math.min(...status), STATUS_GOAL_MS),
  bytesRow(
    { step: 'status --json, most memory', peer: 'the bound', goal: 1 },
    STATUS_GOAL_BYTES,
    await peakBytes(),
  ),
]);

/** Milliseconds a command of the host took, each time. */
async function measured(times: number, words: readonly string[]): Promise<readonly number[]> {
  const { stdout } = await run([...onHost, ...timed(times), '/mnt/slipway', ...words], {
    describe: words.join(' '),
  });
  return stdout.toString('utf8').trim().split('\n').map(Number);
}

/** The largest resident size of a `status`, as the kernel keeps it: asked until the process is gone. */
async function peakBytes(): Promise<number> {
  const [program, ...words] = onHost;
  const child = spawn(program, [...words, '/mnt/slipway', 'status', '--json'], { stdio: 'ignore' });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let most = 0;
  while (child.exitCode === null) {
    most = Math.max(most, highWaterBytes(child));
    await delay(SAMPLE_MS);
  }
  if ((await ended) !== 0) throw new Error('status failed');
  return most;
}

/** Every program before the last becomes the next one, so this is the process of `slipway` itself. 0 when it is gone. */
function highWaterBytes({ pid = 0 }: ChildProcess): number {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
