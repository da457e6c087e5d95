import type { ConnectionState, DeviceCounts, DeviceListQuery, UpdateState } from '@slipway/fleet-api';
import { describe, expect, test } from 'vitest';
import { type FleetDatabase, openDatabase } from '../database/database.ts';
import type { DeviceRow } from '../database/tables.ts';
import { countByFleet, countDevices } from '../devices/device-counts.ts';
import { queryDevices } from '../devices/device-query.ts';
import { saveLabels } from '../devices/labels.ts';
import type { CallContext } from '../http/handler.ts';
import type { Scope } from '../identity/identity.ts';
import { decideStep, type StepOutcome } from '../rollouts/decide-step.ts';
import { deviceRollouts } from '../rollouts/device-rollouts.ts';
import { beginRollout, findRollout } from '../rollouts/rollout-store.ts';
import { writeStep } from '../rollouts/write-step.ts';
import type { Place } from './places.ts';

const NOW_MS = 1_800_000_000_000;
const MINUTE_MS = 60_000;
const ORGANISATION = 'shops';
const CONNECTIONS: readonly ConnectionState[] = ['online', 'stale', 'offline', 'never'];
const UPDATES: readonly UpdateState[] = ['up-to-date', 'out-of-date', 'updating', 'failed', 'unknown'];
const SILENT_MINUTES = { online: 0, stale: 4, offline: 20, never: undefined };
/** More than are few. */
const MANY_SILENT = 10_001;

/** A device, and what is to be found of it. */
interface Sample {
  readonly name: string;
  readonly fleet: string | null;
  readonly connection: ConnectionState;
  readonly update: UpdateState;
  readonly labels: Readonly<Record<string, string>>;
  readonly isGone: boolean;
}

/** One of every fleet, connection and state, each in and out of the fleet's service. */
const SAMPLES: readonly Sample[] = ['one', 'two', null].flatMap((fleet, inFleets) =>
  CONNECTIONS.flatMap((connection, inConnections) =>
    UPDATES.flatMap((update, inUpdates) =>
      [false, true].map((isGone) => {
        const number = inFleets * 100 + inConnections * 10 + inUpdates;
        const labels = { store: `${number % 3}`, ...(number % 2 === 0 ? { stage: 'canary' } : {}) };
        const name = `d${String(number).padStart(3, '0')}${isGone ? '-gone' : ''}`;
        return { name, fleet: isGone ? null : fleet, connection, update, labels, isGone };
      }),
    ),
  ),
);
const HERE: readonly Sample[] = SAMPLES.filter(({ isGone }) => !isGone);

/** What is particular to fleets of which nobody can look at every device, in a small one. */
export function largeFleetSuite(kind: string, place: Place): void {
  describe(`a large fleet on ${kind}`, { timeout: 300_000 }, () => {
    test.each(['few', 'many'])('lists and counts find what is there, where %s are silent', async (silent) => {
      await using database = await openDatabase(await place());
      await fill(database);
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
      await fill(database);
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

    test('what was decided about a rollout is written once, and not when it is another by now', async () => {
      await using database = await openDatabase(await place());
      await fill(database);
      await begin(database);
      const [first, same] = [await decide(database, 0), await decide(database, 0)];
      expect(await write(database, first)).toBe(true);
      expect(await write(database, same)).toBe(false);
      const later = await decide(database, 1000);
      await database.transact((transaction) =>
        transaction
          .updateTable('rollouts')
          .set((row) => ({ revision: row('revision', '+', 1) }))
          .execute(),
      );
      expect(await write(database, later)).toBe(false);
      const orders = await database.reads
        .selectFrom('devices')
        .select('order_revision')
        .where('update_order', 'is not', null)
        .execute();
      expect(orders).toEqual([{ order_revision: 2 }]);
    });

    test('devices that wait as others do are written once, and say why at any time', async () => {
      await using database = await openDatabase(await place());
      await fill(database);
      await begin(database);
      expect(await write(database, await decide(database, 0))).toBe(true);
      const rows = await database.reads.selectFrom('rollout_devices').selectAll().execute();
      const waiting = rows.filter(({ state, why }) => state === 'pending' && why === null);
      expect(waiting.length).toBeGreaterThan(1);
      const next = await decide(database, 1000);
      expect(next.devices).toEqual([]);
      const devices = waiting.map(({ device }) => ({ name: device, fleet: 'one' }));
      const parts = await deviceRollouts(database.reads, ORGANISATION, devices);
      expect(parts.size).toBe(waiting.length);
      const whys = new Set([...parts.values()].map(({ why }) => why));
      expect(whys).toEqual(new Set(['was not heard of for a while; it is told when it is back']));
      const others = rows.filter(({ state, why }) => state === 'pending' && why !== null);
      expect(new Set(others.map(({ why }) => why))).toEqual(
        new Set(['1 devices are under way, and no more may be']),
      );
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

async function fill(database: FleetDatabase): Promise<void> {
  await database.transact(async (transaction) => {
    for (const sample of SAMPLES) {
      await transaction.insertInto('devices').values(rowOf(sample)).execute();
      await saveLabels(transaction, sample.name, sample.labels);
      const minutes = SILENT_MINUTES[sample.connection];
      const presence = {
        device: sample.name,
        seen_ms: minutes === undefined ? 0 : NOW_MS - minutes * MINUTE_MS,
        address: null,
        interval_seconds: 60,
      };
      await transaction.insertInto('device_presence').values(presence).execute();
    }
    const spec = { version: '1', images: [{ architecture: 'amd64', reference: 'r/shop', digests: ['v1'] }] };
    for (const [name, version] of [
      ['v1', '1'],
      ['v2', '2'],
    ]) {
      const [image] = spec.images;
      const row = {
        organisation: ORGANISATION,
        kind: 'Release',
        name: name ?? '',
        labels: '{}',
        spec: JSON.stringify({ ...spec, version, images: [{ ...image, digests: [name] }] }),
        revision: 1,
        created_ms: 1,
        updated_ms: 1,
      };
      await transaction.insertInto('resources').values(row).execute();
    }
  });
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

const STATES: Readonly<Record<UpdateState, Partial<DeviceRow>>> = {
  'up-to-date': { report: '{}', release: 'v2', booted_digest: 'v2' },
  'out-of-date': { report: '{}', release: 'v1', booted_digest: 'v1' },
  updating: { report: '{}', release: 'v1', booted_digest: 'v1', phase: 'downloading' },
  failed: { report: '{}', release: 'v1', booted_digest: 'v1', failure: 'no' },
  unknown: {},
};

function rowOf({ name, fleet, update, labels, isGone }: Sample): DeviceRow {
  return {
    name,
    organisation: ORGANISATION,
    hostname: `host-${name}`,
    labels: JSON.stringify(labels),
    spec: '{}',
    revision: 1,
    created_ms: 1,
    updated_ms: 1,
    lifecycle: isGone ? 'decommissioned' : 'enrolled',
    fleet,
    fleet_problem: null,
    report: null,
    report_tag: null,
    architecture: 'amd64',
    booted_digest: null,
    staged_digest: null,
    time_zone: null,
    health: 'healthy',
    update_id: null,
    release: null,
    phase: 'idle',
    failure: null,
    desired_release: 'v2',
    update_order: null,
    order_revision: 1,
    rollout: null,
    denied: '[]',
    certificate_serial: null,
    previous_serial: null,
    certificate_until_ms: null,
    public_key: '',
    config_problem: null,
    ...STATES[update],
  };
}

const ROLLOUT = 'bring-v2';

async function begin(database: FleetDatabase): Promise<void> {
  const policy = { maxConcurrent: { count: 1 } };
  const ask = { fleet: 'one', release: 'v2', name: ROLLOUT, policy, previousRelease: null, startAtMs: null };
  await database.transact(async (transaction) => {
    await beginRollout(transaction, ORGANISATION, ask, NOW_MS);
  });
}

async function decide({ reads }: FleetDatabase, afterMs: number): Promise<StepOutcome> {
  const row = await findRollout(reads, ORGANISATION, ROLLOUT);
  if (row === undefined) throw new Error('there is no rollout');
  const context = { presence: { lastSeen: () => undefined }, alerts: [], nowMs: NOW_MS + afterMs };
  const outcome = await decideStep(reads, row, context);
  if (outcome === undefined) throw new Error('it has not begun');
  return outcome;
}

async function write(database: FleetDatabase, outcome: StepOutcome): Promise<boolean> {
  const of = { organisation: ORGANISATION, name: ROLLOUT };
  return await database.transact(async (transaction) => await writeStep(transaction, of, outcome));
}
