import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadDevice } from './load-device.ts';
import { quantile } from './quantile.ts';

/** What became of the check-ins of a time. */
export interface LoadResult {
  readonly checkIns: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
  /** Of some that failed. */
  readonly failures: readonly string[];
}

const TICK_MS = 4;
const SHOWN_FAILURES = 5;

/**
 * Every device checks in once in an interval, each at its moment of it, whether the server is done with those before or not. A
 * check-in that could not even begin in time is late by that: what the server makes wait is counted.
 */
export async function steadyLoad(
  devices: readonly LoadDevice[],
  intervalMs: number,
  durationMs: number,
): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  let failed = 0;
  const under = new Set<Promise<void>>();
  const one = async (device: LoadDevice, dueMs: number): Promise<void> => {
    try {
      await device.checkIn();
      latenciesMs.push(performance.now() - dueMs);
    } catch (thrown) {
      failed += 1;
      if (failures.length < SHOWN_FAILURES) failures.push(String(thrown));
    }
  };
  const beganMs = performance.now();
  const everyMs = intervalMs / devices.length;
  const count = Math.floor(durationMs / everyMs);
  for (let at = 0; at < count; ) {
    for (; at < count && performance.now() - beganMs >= at * everyMs; at += 1) {
      const device = devices[at % devices.length];
      if (device === undefined) break;
      const going = one(device, beganMs + at * everyMs).finally(() => under.delete(going));
      under.add(going);
    }
    await sleep(TICK_MS);
  }
  await Promise.all(under);
  const tookMs = performance.now() - beganMs;
  latenciesMs.sort((left, right) => left - right);
  return {
    checkIns: latenciesMs.length,
    perSecond: rounded((latenciesMs.length / Math.max(tookMs, durationMs)) * 1000),
    p50Ms: rounded(quantile(latenciesMs, 0.5)),
    p99Ms: rounded(quantile(latenciesMs, 0.99)),
    failed,
    failures,
  };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
