import type { DeviceCounts, DeviceListQuery, UpdateState } from '@slipway/fleet-api';
import { describe, expect, test } from 'vitest';
import { type FleetDatabase, openDatabase } from '../database/database.ts';
import { countByFleet, countDevices } from '../devices/device-counts.ts';
import { queryDevices } from '../devices/device-query.ts';
import type { CallContext } from '../http/handler.ts';
import type { Scope } from '../identity/identity.ts';
import {
  CONNECTIONS,
  fillSamples,
  HERE,
  NOW_MS,
  ORGANISATION,
  type Sample,
  UPDATES,
} from './device-samples.ts';
import type { Place } from './places.ts';

/** More than are few. */
const MANY_SILENT = 10_001;

/** What is particular to fleets of which nobody can look at every device, in a small one. */
export function largeFleetSuite(kind: string, place: Place): void {
  describe(`a large fleet on ${kind}`, { timeout: 300_000 }, () => {
    test.each(['few', 'many'])('lists and counts find what is there, where %s are silent', async (silent) => {
      await using database = await openDatabase(await place());
      await fillSamples(database);
      if (silent === 'many') await fillSilent(database);
      for (const [query, isMeant] of QUERIES) {
        const context = contextOf(database);
        const { rows, total } = await queryDevices(context, { ...query, limit: 7 });
        const meant = HERE.filter(isMeant).map(({ name }) => name);
        expect([query, rows.map(({ name }) => name)]).toEqual([query, meant.slice(0, 8)]);
        expect([query, total]).toEqual([query, meant.length]);
      }
      expect(await countDevices(contextOf(database))).toEqual(countsOf(HERE));
      expect(await countDevices(contextOf(database), 'one')).toEqual(
        countsOf(HERE.filter(({ fleet }) => fleet === 'one')),
      );
      const byFleet = await countByFleet(contextOf(database));
      const fleets = Map.groupBy(HERE, ({ fleet }) => fleet);
      expect(byFleet).toEqual(new Map([...fleets].map(([fleet, samples]) => [fleet, countsOf(samples)])));
    });

    test('who reaches a few devices is told of those alone', async () => {
      await using database = await openDatabase(await place());
      await fillSamples(database);
      const scope = {
        kind: 'some',
        grants: [
          { grant: { role: 'viewer', fleets: ['one'] } },
          {
            grant: { role: 'viewer', selector: 'stage=canary' },
            conditions: [{ label: 'stage', operator: 'in', values: ['canary'] }],
          },
        ],
      } as unknown as Scope;
      const { rows } = await queryDevices(contextOf(database, scope), { limit: 1000 });
      const meant = HERE.filter(({ fleet, labels }) => fleet === 'one' || 'stage' in labels);
      expect(rows.map(({ name }) => name)).toEqual(meant.map(({ name }) => name));
    });
  });
}

type Meant = (sample: Sample) => boolean;

const QUERIES: readonly (readonly [DeviceListQuery, Meant])[] = [
  [{}, () => true],
  ...CONNECTIONS.map((state): [DeviceListQuery, Meant] => [
    { connection: state },
    ({ connection }) => connection === state,
  ]),
  ...UPDATES.map((state): [DeviceListQuery, Meant] => [{ update: state }, ({ update }) => update === state]),
  [{ fleet: 'two', update: 'failed' }, ({ fleet, update }) => fleet === 'two' && update === 'failed'],
  [
    { fleet: 'one', connection: 'online' },
    ({ fleet, connection }) => fleet === 'one' && connection === 'online',
  ],
  [{ selector: 'stage=canary' }, ({ labels }) => labels['stage'] === 'canary'],
  [{ selector: 'stage!=canary' }, ({ labels }) => labels['stage'] !== 'canary'],
  [{ selector: '!stage,store in (0,2)' }, ({ labels }) => !('stage' in labels) && labels['store'] !== '1'],
  [{ selector: 'stage,store notin (0)' }, ({ labels }) => 'stage' in labels && labels['store'] !== '0'],
  [{ search: 'HOST-D01' }, ({ name }) => name.startsWith('d01')],
];

function contextOf({ reads }: FleetDatabase, scope: Scope = { kind: 'all' }): CallContext {
  const identity = { organisation: ORGANISATION };
  return { queries: reads, identity, scope, nowMs: NOW_MS } as unknown as CallContext;
}

function countsOf(samples: readonly Sample[]): DeviceCounts {
  const count = (isMeant: Meant): number => samples.filter(isMeant).length;
  const inState = (state: UpdateState): number => count(({ update }) => update === state);
  return {
    total: samples.length,
    online: count(({ connection }) => connection === 'online'),
    stale: count(({ connection }) => connection === 'stale'),
    offline: count(({ connection }) => connection === 'offline' || connection === 'never'),
    upToDate: inState('up-to-date'),
    outOfDate: inState('out-of-date'),
    updating: inState('updating'),
    failed: inState('failed'),
    unknown: inState('unknown'),
  };
}

/** Rows of devices that are nobody's. */
async function fillSilent(database: FleetDatabase): Promise<void> {
  const rows = Array.from({ length: MANY_SILENT }, (_, index) => ({
    device: `silent-${index}`,
    seen_ms: 1,
    address: null,
    interval_seconds: 60,
  }));
  await database.transact(async (transaction) => {
    for (let at = 0; at < rows.length; at += 1000)
      await transaction
        .insertInto('device_presence')
        .values(rows.slice(at, at + 1000))
        .execute();
  });
}
