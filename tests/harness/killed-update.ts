/** Updates of a host in a directory that are killed, and what becomes of the host. */
import { spawn } from 'node:child_process';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { finalizeStaged, recordBoot } from '@slipway/host';
import {
  boot,
  deploymentIds,
  installHost,
  stage,
  type TestHost,
} from '../../packages/host/src/testing/test-host.ts';
import { INSTALLED, UPDATED } from './host-images.ts';
import type { KilledArguments } from './host-killed.ts';
import { ROOT } from './slipway.ts';

/** A host that was installed and edited, and never changes: each update is made on a copy. */
export interface KilledModel {
  readonly directory: string;
  readonly bootedId: string;
  /** How long the whole update takes. */
  readonly wholeMs: number;
}

/** Makes the host, and measures one update that nobody kills. */
export async function killedModel(parent: string): Promise<KilledModel> {
  const directory = join(parent, 'model');
  await installHost(directory, INSTALLED);
  const old = await boot(directory);
  await recordBoot(old);
  await writeFile(join(old.etc, 'edited'), 'mine');
  await writeFile(join(old.etc, 'added'), 'mine');
  const { bootedId } = old;
  return {
    directory,
    bootedId,
    wholeMs: await killAfter(directory, parent, bootedId, Number.POSITIVE_INFINITY),
  };
}

/**
 * Kills the update of a fresh copy after so long, boots it, and lets the host bring the update to its end.
 *
 * @returns what was booted, and everything that is not as it should be
 */
export async function surviveKill(
  { directory, bootedId }: KilledModel,
  parent: string,
  afterMs: number,
): Promise<{ readonly booted: 'old' | 'new'; readonly problems: readonly string[] }> {
  await killAfter(directory, parent, bootedId, afterMs);
  const machine = join(parent, 'machine');
  const host = await boot(machine);
  const booted = host.bootedId === bootedId ? 'old' : 'new';
  const { outcome } = await recordBoot(host);
  if (booted === 'old') await stage(host, UPDATED);
  await finalizeStaged(host);
  const next = await boot(machine);
  await recordBoot(next);
  const problems = [
    ...(['as-before', 'as-expected'].includes(outcome) ? [] : [`the boot is ${outcome}`]),
    ...(next.bootedId === bootedId ? ['the update never comes up'] : []),
    ...(await etcProblems(next)),
    ...((await deploymentIds(machine)).length === 2 ? [] : ['there are not two deployments']),
  ];
  return { booted, problems };
}

async function etcProblems({ etc }: TestHost): Promise<string[]> {
  const expected = { default: 'v2', edited: 'mine', added: 'mine' };
  const found = await Promise.all(
    Object.entries(expected).map(async ([name, text]) => {
      const actual = await readFile(join(etc, name), 'utf8').catch(() => undefined);
      return actual === text ? [] : [`/etc/${name} is ${JSON.stringify(actual)}`];
    }),
  );
  return found.flat();
}

/** Runs the update on a fresh copy and kills it; says how long it ran. */
async function killAfter(model: string, parent: string, id: string, afterMs: number): Promise<number> {
  const machine = join(parent, 'machine');
  await rm(machine, { recursive: true, force: true });
  await cp(model, machine, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  const argv: KilledArguments = [machine, id];
  const child = spawn(process.execPath, [`${ROOT}/tests/harness/host-killed.ts`, ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  const startMs = performance.now();
  if (Number.isFinite(afterMs)) {
    await Promise.race([exited, delay(afterMs)]);
    child.kill('SIGKILL');
  }
  await exited;
  return performance.now() - startMs;
}
