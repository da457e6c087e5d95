import type { ConnectionState, UpdateState } from '@slipway/fleet-api';
import type { FleetDatabase } from '../database/database.ts';
import type { DeviceRow } from '../database/tables.ts';
import { saveLabels } from '../devices/labels.ts';

export const NOW_MS = 1_800_000_000_000;
const MINUTE_MS = 60_000;
export const ORGANISATION = 'shops';
export const CONNECTIONS: readonly ConnectionState[] = ['online', 'stale', 'offline', 'never'];
export const UPDATES: readonly UpdateState[] = ['up-to-date', 'out-of-date', 'updating', 'failed', 'unknown'];
const SILENT_MINUTES = { online: 0, stale: 4, offline: 20, never: undefined };

/** A device, and what is to be found of it. */
export interface Sample {
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
export const HERE: readonly Sample[] = SAMPLES.filter(({ isGone }) => !isGone);

export async function fillSamples(database: FleetDatabase): Promise<void> {
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

const STATES: Readonly<Record<UpdateState, Partial<DeviceRow>>> = {
  'up-to-date': { report: '{}', release: 'v2', booted_digest: 'v2' },
  'out-of-date': { report: '{}', release: 'v1', booted_digest: 'v1' },
  updating: { report: '{}', release: 'v1', booted_digest: 'v1', phase: 'downloading' },
  failed: { report: '{}', release: 'v1', booted_digest: 'v1', failure: 'no' },
  unknown: {},
};

function rowOf({ name, fleet, update, labels, isGone }: Sample): Omit<DeviceRow, 'report_revision'> {
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
