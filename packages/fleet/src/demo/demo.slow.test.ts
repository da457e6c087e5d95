import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { startDemo } from './demo.ts';

test('images that do not come up halt the rollout, and the others are left alone', {
  timeout: 600_000,
}, async () => {
  await using directory = await makeTempDir('fleet-demo');
  await using demo = await startDemo({
    root: directory.path,
    port: 0,
    devices: 12,
    failures: {
      slowPercent: 0,
      flakyPercent: 50,
      badImagePercent: 100,
      offlinePercent: 0,
      clockSkewMs: 3_600_000,
    },
  });
  const rollout = await demo.finish();
  expect(rollout.status.state).toBe('halted');
  expect(rollout.status.counts.succeeded).toBe(0);
  expect(rollout.status.counts.failed).toBeGreaterThan(0);
  expect(Object.keys(demo.simulation.summary().images)).toHaveLength(1);
});
