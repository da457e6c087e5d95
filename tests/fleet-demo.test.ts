/** `slipway fleet demo`: what a newcomer types first, to its end. */
import { expect, test } from 'vitest';
import { slipway } from './harness/slipway.ts';

test('a fleet from nothing is rolled out, in a process of its own', { timeout: 900_000 }, async () => {
  const { stdout } = await slipway(['fleet', 'demo', '--exit-when-done', '--devices', '20', '--json']);
  const { rollout, devices } = JSON.parse(stdout.toString()) as {
    readonly rollout: { readonly status: { readonly state: string; readonly counts: object } };
    readonly devices: { readonly images: Readonly<Record<string, number>> };
  };
  expect(rollout.status).toMatchObject({
    state: 'succeeded',
    counts: { total: 20, succeeded: 20, failed: 0 },
    batches: [{ name: 'canary' }, { name: 'early' }, { name: 'rest' }],
  });
  expect(devices).toMatchObject({
    devices: 20,
    enrolled: 20,
    restarts: 20,
    updates: { failed: 0 },
  });
  expect(Object.values(devices.images)).toEqual([20]);
});
