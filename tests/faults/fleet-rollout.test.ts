/**
 * A rollout of ten thousand devices over three servers and a PostgreSQL, one server and the database killed in the middle: no device is
 * updated twice, none is forgotten, and no budget is ever exceeded.
 */
import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { startPostgres } from '../../packages/fleet/src/testing/postgres-server.ts';
import { interruptRollout, NEW_IMAGE } from '../harness/interrupted-rollout.ts';
import { IS_QUICK, report, row } from './results.ts';

const DEVICES = IS_QUICK ? 1000 : 10_000;
/** Few enough that it takes many steps. */
const CONCURRENT = DEVICES / 8;
const AWAY = 2;

test(`a rollout of ${DEVICES} devices over servers and a database that are killed`, async () => {
  const startMs = performance.now();
  await using directory = await makeTempDir('faults-fleet-rollout');
  await using postgres = await startPostgres();
  const result = await interruptRollout({
    directory: directory.path,
    postgres,
    devices: DEVICES,
    concurrent: CONCURRENT,
    away: AWAY,
  });
  const updated = result.restarts[1] ?? 0;
  await report('fleet-rollout', {
    rows: [row('server and database of a rollout', DEVICES, DEVICES - updated, startMs)],
    json: { fleetRollout: { devices: DEVICES, ...result } },
  });
  expect(result.interruptedAt).toHaveLength(2);
  expect(result).toEqual({
    state: 'succeeded',
    interruptedAt: result.interruptedAt,
    images: { [NEW_IMAGE.digest]: DEVICES },
    restarts: { 1: DEVICES },
    toldToStage: { 1: DEVICES },
    toldToApply: { 1: DEVICES },
    // As many as may be, and never more.
    mostUnderWay: { seen: result.mostUnderWay.seen, committed: CONCURRENT },
    mostAway: { seen: result.mostAway.seen, committed: AWAY },
    isAuditIntact: true,
  });
  expect(result.mostUnderWay.seen).toBeLessThanOrEqual(CONCURRENT);
  expect(result.mostAway.seen).toBeLessThanOrEqual(AWAY);
});
