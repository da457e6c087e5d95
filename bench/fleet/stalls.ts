import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetClient } from '@slipway/fleet-api';
import { quantile } from './quantile.ts';

/** How long somebody waits who asks what takes no time, milliseconds. */
export interface Stalls {
  readonly p99Ms: number;
  readonly longestMs: number;
}

const EVERY_MS = 10;

/**
 * Asks whether the server is there, again and again at its time, whether the last answer has come or not, as long as some work is going
 * on: what the server does meanwhile in one piece is what devices wait for.
 */
export async function stallsDuring(client: FleetClient, work: () => Promise<unknown>): Promise<Stalls> {
  const waitsMs: number[] = [];
  const asked: Promise<void>[] = [];
  const ask = async (): Promise<void> => {
    const beganMs = performance.now();
    await client.call('health.live', {});
    waitsMs.push(performance.now() - beganMs);
  };
  const over = new AbortController();
  const working = work().finally(() => over.abort());
  while (!over.signal.aborted) {
    asked.push(ask());
    await sleep(EVERY_MS);
  }
  await working;
  await Promise.all(asked);
  waitsMs.sort((left, right) => left - right);
  return { p99Ms: quantile(waitsMs, 0.99), longestMs: waitsMs.at(-1) ?? 0 };
}
