import {
  API_VERSION,
  type DeviceReport,
  type FleetSpec,
  type PolicySpec,
  type ReleaseSpec,
} from '@slipway/fleet-api';
import { type Digest, digestHex, digestOf } from '@slipway/oci';
import { appendAudit } from '../../packages/fleet/src/audit/chain.ts';
import {
  type FleetDatabase,
  openDatabase,
  type Queries,
} from '../../packages/fleet/src/database/database.ts';
import type { DeviceRow } from '../../packages/fleet/src/database/tables.ts';
import { saveResource } from '../../packages/fleet/src/resources/resource-store.ts';
import { beginRollout } from '../../packages/fleet/src/rollouts/rollout-store.ts';

/** The fleet all devices are in, but the few of the small ones. */
export const LARGE_FLEET = 'large';
/** What brings the large fleet to the last release but one. */
export const ROLLOUT = 'large-rollout';
/** What a plan asks for. */
export const LAST_RELEASE = 'v4';

const ORGANISATION = 'default';
const RELEASES = ['v1', 'v2', 'v3', LAST_RELEASE];
const TARGET = 'v3';
const SMALL_FLEETS = 50;
const SMALL_DEVICES = 1000;
const STORES = 2000;
const MANY = 10_000;
const SOME = 300;
const BATCH = 1000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const POLICY: PolicySpec = {
  batches: [
    { name: 'canary', selector: 'stage=canary', count: 1000, soakSeconds: 0 },
    { name: 'tenth', percent: 10, soakSeconds: 3600 },
  ],
  successPercent: 80,
  errorThreshold: { percent: 20, action: 'halt' },
  maxConcurrent: { count: 5000 },
  disruptionBudget: { groupBy: ['store'], maxUnavailable: 25 },
  stableSeconds: 0,
};

/**
 * Fills an empty database with a fleet of that many devices at the beginning of a rollout, fifty small fleets, and what else there is
 * after a few years. Nothing of it goes by the protocol: what enrolling takes are signatures, and pages do not care for those.
 *
 * @returns how many devices there are in all fleets
 */
export async function fillFleet(where: string, large: number): Promise<number> {
  await using database = await openDatabase(where);
  const nowMs = Date.now();
  await database.transact(async (transaction) => await fillResources(transaction, nowMs));
  const all = large + SMALL_DEVICES;
  await inBatches(database, all, async (transaction, numbers) => {
    await fillDevices(transaction, numbers, large, nowMs);
  });
  await inBatches(
    database,
    MANY,
    async (transaction, numbers) => await fillAudit(transaction, numbers, nowMs),
  );
  await inBatches(
    database,
    SOME,
    async (transaction, numbers) => await fillOthers(transaction, numbers, nowMs),
  );
  await database.transact(async (transaction) => {
    const begin = {
      fleet: LARGE_FLEET,
      release: TARGET,
      name: ROLLOUT,
      policy: POLICY,
      previousRelease: 'v2',
      startAtMs: null,
    };
    await beginRollout(transaction, ORGANISATION, begin, nowMs);
  });
  return all;
}

async function inBatches(
  database: FleetDatabase,
  count: number,
  fill: (transaction: Queries, numbers: readonly number[]) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < count; at += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, count - at) }, (_, index) => at + index);
    await database.transact(async (transaction) => await fill(transaction, numbers));
  }
}

function digestOfText(text: string): Digest {
  return digestOf(Buffer.from(text));
}

export function deviceName(number: number): string {
  return `device-${digestHex(digestOfText(String(number))).slice(0, 24)}`;
}

async function fillResources(transaction: Queries, nowMs: number): Promise<void> {
  const save = async (kind: string, name: string, spec: object): Promise<void> => {
    const input = {
      apiVersion: API_VERSION,
      kind,
      metadata: { name, labels: { team: 'shops' } },
      spec,
    } as const;
    await saveResource(transaction, ORGANISATION, input, nowMs);
  };
  for (const [index, name] of RELEASES.entries()) {
    const digests: [string] = [digestOfText(name)];
    const images = [{ architecture: 'amd64', reference: `registry.example/shop:${name}`, digests }];
    const spec: ReleaseSpec = { version: String(index + 1), images };
    await save('Release', name, spec);
    await transaction
      .insertInto('release_digests')
      .values({ organisation: ORGANISATION, digest: digests[0], release: name })
      .execute();
  }
  await save('Policy', 'careful', POLICY);
  const large: FleetSpec = { selector: 'kind=large', release: TARGET, policy: 'careful' };
  await save('Fleet', LARGE_FLEET, large);
  for (let index = 0; index < SMALL_FLEETS; index += 1) {
    const small: FleetSpec = { selector: `kind=small-${index}`, release: 'v1' };
    await save('Fleet', `small-${index}`, small);
  }
}

/** What a device runs, and how it does: most are well, some of every state there is. */
function kindOf(number: number): Pick<DeviceRow, 'release' | 'phase' | 'failure' | 'report_tag'> {
  const release = number % 50 === 3 ? null : number % 3 === 0 ? 'v1' : 'v2';
  if (number % 100 === 7) return { release: null, phase: 'idle', failure: null, report_tag: null };
  if (number % 200 === 11) {
    return { release, phase: 'failed', failure: 'it did not boot (HEALTH_FAILED)', report_tag: 'failed' };
  }
  return { release, phase: 'idle', failure: null, report_tag: 'idle' };
}

async function fillDevices(
  transaction: Queries,
  numbers: readonly number[],
  large: number,
  nowMs: number,
): Promise<void> {
  const devices = numbers.map((number) => deviceRow(number, large, nowMs));
  await transaction.insertInto('devices').values(devices).execute();
  const labels = devices.flatMap(({ name, labels: json }) =>
    Object.entries(JSON.parse(json) as Readonly<Record<string, string>>).map(([label, value]) => ({
      device: name,
      label,
      value,
    })),
  );
  await transaction.insertInto('device_labels').values(labels).execute();
  const seen = numbers.map((number) => ({
    device: deviceName(number),
    // A few have been silent for longer and longer.
    seen_ms: nowMs - (number % 25 === 0 ? (number % 5000) * MINUTE_MS : (number % 60) * 1000),
    address: `10.${number % 200}.${number % 250}.7`,
    interval_seconds: 60,
  }));
  await transaction.insertInto('device_presence').values(seen).execute();
  const happened = ['enrolled', 'booted', 'update-idle'].flatMap((what) =>
    numbers.map((number) => ({
      device: deviceName(number),
      at_ms: nowMs - number * 1000,
      what,
      message: `${what} by the bench`,
      release: 'v1',
    })),
  );
  await transaction.insertInto('timeline').values(happened).execute();
}

function deviceRow(number: number, large: number, nowMs: number): Omit<DeviceRow, 'report_revision'> {
  const isLarge = number < large;
  const fleet = isLarge ? LARGE_FLEET : `small-${number % SMALL_FLEETS}`;
  const kind = kindOf(number);
  const isSilent = kind.report_tag === null;
  const booted = isSilent ? null : digestOfText(kind.release ?? `build-${number % 1000}`);
  const labels = {
    kind: fleet,
    stage: number % 50 === 0 ? 'canary' : 'wide',
    store: `store-${number % STORES}`,
    region: `region-${number % 12}`,
    model: `model-${number % 7}`,
  };
  return {
    ...kind,
    name: deviceName(number),
    organisation: ORGANISATION,
    hostname: `shop-${number}`,
    labels: JSON.stringify(labels),
    spec: number % 1000 === 13 ? JSON.stringify({ hold: { reason: 'the bench says so' } }) : '{}',
    revision: 1,
    created_ms: nowMs - DAY_MS,
    updated_ms: nowMs - number,
    lifecycle: number % 400 === 17 ? 'decommissioned' : 'enrolled',
    fleet,
    fleet_problem: null,
    report: booted === null ? null : JSON.stringify(reportOf(number, booted, kind.phase)),
    architecture: isSilent ? null : 'amd64',
    booted_digest: booted,
    staged_digest: null,
    time_zone: timeZoneOf(number),
    health: isSilent ? null : 'healthy',
    update_id: null,
    desired_release: isLarge ? TARGET : 'v1',
    update_order: null,
    order_revision: 1,
    rollout: null,
    denied: '[]',
    certificate_serial: number.toString(16).padStart(32, '0'),
    previous_serial: null,
    certificate_until_ms: nowMs + 90 * DAY_MS,
    public_key: digestOfText(`key-${number}`),
    config_problem: null,
  };
}

function timeZoneOf(number: number): string {
  return number % 2 === 0 ? 'UTC' : 'Europe/Berlin';
}

/** As long as what an agent says. */
function reportOf(number: number, digest: string, phase: string): DeviceReport {
  return {
    agentVersion: '0.1.0',
    architecture: 'amd64',
    bootId: '5f0c7c1e-8b0f-4a53-9d6b-1f2f4c1f6f0a',
    timeZone: timeZoneOf(number),
    image: {
      booted: { reference: 'registry.example/shop:v', digest },
      staged: null,
      rollback: { reference: 'registry.example/shop:v0', digest: digestOfText('v0') },
    },
    update: { phase: phase === 'failed' ? 'failed' : 'idle', updateId: null, target: null },
    health: {
      state: 'healthy',
      checks: ['10-network', '20-disk', '30-time', '40-app'].map((name) => ({ name, state: 'passed' })),
    },
    etcDriftCount: number % 5,
    freeBytes: 8 * 2 ** 30 + number,
    sbomDigest: digestOfText(`sbom-${number % 4}`),
    configDigest: digestOfText(`config-${number % 4}`),
    facts: {
      kernel: '6.12.48+deb13-amd64',
      cpus: 4,
      memoryBytes: 8 * 2 ** 30,
      vendor: 'Example Computers',
      product: `Model ${number % 7}`,
      serial: `SN${number}`,
      firmware: '1.2.3',
      secureBoot: true,
      machine: digestOfText(`machine-${number}`).slice(7, 39),
    },
  };
}

async function fillAudit(transaction: Queries, numbers: readonly number[], nowMs: number): Promise<void> {
  for (const number of numbers) {
    await appendAudit(transaction, {
      organisation: ORGANISATION,
      atMs: nowMs - (MANY - number) * MINUTE_MS,
      actor: `user:person-${number % 20}`,
      address: '10.0.0.1',
      action: 'devices.put',
      target: `Device/${deviceName(number)}`,
      outcome: 'done',
      detail: { what: 'changed' },
    });
  }
}

/** Some of everything else a page lists. */
async function fillOthers(transaction: Queries, numbers: readonly number[], nowMs: number): Promise<void> {
  const times = { created_ms: nowMs, updated_ms: nowMs };
  for (const number of numbers) {
    const metadata = { name: `person-${number}`, labels: {} };
    const spec = { displayName: `Person ${number}`, grants: [{ role: 'viewer' }] };
    const user = { apiVersion: API_VERSION, kind: 'User', metadata, spec } as const;
    await saveResource(transaction, ORGANISATION, user, nowMs);
    const fleet = `small-${number % SMALL_FLEETS}`;
    const begin = { fleet, release: 'v1', policy: POLICY, previousRelease: null, startAtMs: nowMs + DAY_MS };
    await beginRollout(transaction, ORGANISATION, begin, nowMs - number * MINUTE_MS);
  }
  const enrolments = numbers.map((number) => ({
    ...times,
    name: `host-${number}`,
    organisation: ORGANISATION,
    hostname: `new-${number}`,
    public_key: digestOfText(`host-${number}`),
    csr: '',
    labels: '{}',
    report: null,
    state: 'pending',
    reason: null,
    address: '10.0.0.2',
    decided_by: null,
    decided_ms: null,
    certificate: null,
    revision: 1,
  }));
  await transaction.insertInto('enrolments').values(enrolments).execute();
  const locks = numbers.map((number) => ({
    organisation: ORGANISATION,
    fleet: `small-${number % SMALL_FLEETS}`,
    holder: `holder-${number}`,
    owner: null,
    reason: 'an update',
    acquired_ms: nowMs,
    expires_ms: nowMs + DAY_MS,
  }));
  await transaction.insertInto('reboot_locks').values(locks).execute();
}
