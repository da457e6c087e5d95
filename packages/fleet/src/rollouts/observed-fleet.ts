import type { Queries } from '../database/database.ts';
import type { DevicePresenceRow } from '../database/tables.ts';
import { deadlines, isSilent } from '../devices/device-state.ts';
import type { Presence } from '../devices/presence.ts';
import type { DeviceObservation } from '../rollout/types/device.ts';
import { loadEngineRows, observationOf, VERSION } from './engine-devices.ts';

/** Names that are compared at once. */
const PAGE = 2000;
/** Where more of a page than this are new, all of it is read: rows that stand beside each other cost less. */
const FEW = 1 / 4;
/** A write of last seen may lag a minute behind on another replica. */
const LAG_MS = 60_000;

export interface LookOptions {
  readonly organisation: string;
  readonly fleet: string;
  /** What this process saw of devices since it was written. */
  readonly presence: Pick<Presence, 'lastSeen'>;
  readonly nowMs: number;
  /** Facts are most of what devices say, and only risks of releases ask for them. */
  readonly facts: boolean;
}

/** A device as it was read last. */
interface Known {
  readonly name: string;
  readonly version: number;
  readonly createdMs: number;
  readonly observation: DeviceObservation;
}

type NamedVersion = Pick<Known, 'name' | 'version'>;
type Silence = Pick<DevicePresenceRow, 'device' | 'seen_ms' | 'interval_seconds'>;

/**
 * The devices of a fleet as the engine sees them. Between two looks few of a hundred thousand change: names and versions of all are read
 * from an index alone, and only what is another is read again.
 *
 * Who changes what the engine looks at in a device's row counts one of the row's three revisions up.
 */
export class ObservedFleet {
  #known: readonly Known[] = [];
  #withFacts = false;

  /** By name. */
  async look(queries: Queries, options: LookOptions): Promise<readonly DeviceObservation[]> {
    const before = new InOrder(this.#withFacts === options.facts ? this.#known : []);
    // What the protocols of others say of a device stands beside its row, and has no version.
    const clients = await clientNames(queries);
    const known: Known[] = [];
    for await (const page of versions(queries, options)) {
      const same = page.map(({ name, version }) => {
        const device = before.next(name);
        return device?.version === version && !clients.has(name) ? device : undefined;
      });
      const rows = await readRows(
        queries,
        options,
        page,
        page.filter((_, index) => same[index] === undefined).map(({ name }) => name),
      );
      for (const [index, { name }] of page.entries()) {
        const device = same[index] ?? rows.get(name);
        // One that left the fleet between the two reads is no more.
        if (device !== undefined) known.push(device);
      }
    }
    this.#known = known;
    this.#withFacts = options.facts;
    const offline = await offlineNames(queries, options, known);
    return known.map(({ name, observation }) =>
      offline.has(name) ? { ...observation, online: false } : observation,
    );
  }
}

/** Finds devices by names that come in the order in which they stand, but for some that came or went. */
class InOrder {
  readonly #devices: readonly Known[];
  #at = 0;
  #places: ReadonlyMap<string, number> | undefined;

  constructor(devices: readonly Known[]) {
    this.#devices = devices;
  }

  next(name: string): Known | undefined {
    const next = this.#devices[this.#at];
    if (next?.name !== name) return this.#elsewhere(name);
    this.#at += 1;
    return next;
  }

  #elsewhere(name: string): Known | undefined {
    this.#places ??= new Map(this.#devices.map((device, place) => [device.name, place]));
    const place = this.#places.get(name);
    if (place === undefined) return undefined;
    this.#at = place + 1;
    return this.#devices[place];
  }
}

async function* versions(
  queries: Queries,
  { organisation, fleet }: LookOptions,
): AsyncGenerator<readonly NamedVersion[]> {
  let after = '';
  for (;;) {
    const rows = await queries
      .selectFrom('devices')
      .select('name')
      .select(VERSION.as('version'))
      .where('organisation', '=', organisation)
      .where('fleet', '=', fleet)
      .where('lifecycle', '=', 'enrolled')
      .where('name', '>', after)
      .orderBy('name')
      .limit(PAGE)
      .execute();
    yield rows;
    after = rows.at(-1)?.name ?? after;
    if (rows.length < PAGE) return;
  }
}

/** What of a page is another than it was, or new. */
async function readRows(
  queries: Queries,
  options: LookOptions,
  page: readonly NamedVersion[],
  others: readonly string[],
): Promise<ReadonlyMap<string, Known>> {
  if (others.length === 0) return new Map();
  const all = { first: page[0]?.name ?? '', last: page.at(-1)?.name ?? '' };
  const which = others.length > page.length * FEW ? all : others;
  const rows = await loadEngineRows(queries, { ...options, which });
  const known = new Map<string, Known>();
  for (const row of rows) {
    const { name, version, created_ms: createdMs } = row;
    known.set(name, { name, version, createdMs, observation: observationOf(row) });
  }
  return known;
}

async function clientNames(queries: Queries): Promise<ReadonlySet<string>> {
  const rows = await queries.selectFrom('client_states').select('device').execute();
  return new Set(rows.map(({ device }) => device));
}

/** Who was silent for too long, by an index of the silent alone. */
async function offlineNames(
  queries: Queries,
  { presence, nowMs }: LookOptions,
  known: readonly Known[],
): Promise<ReadonlySet<string>> {
  const rows = await queries
    .selectFrom('device_presence')
    .select(['device', 'seen_ms', 'interval_seconds'])
    .where(isSilent(nowMs))
    .execute();
  const newcomers = rows.some(({ seen_ms }) => seen_ms === 0) ? known : [];
  const letInMs = new Map(newcomers.map(({ name, createdMs }) => [name, createdMs]));
  const isOffline = ({ device, seen_ms, interval_seconds }: Silence): boolean => {
    // That a newcomer was heard of another replica writes only seconds later; it was there when it was let in.
    const writtenMs = seen_ms === 0 ? (letInMs.get(device) ?? 0) : seen_ms;
    const seenMs = Math.max(writtenMs, presence.lastSeen(device)?.seenMs ?? 0);
    return nowMs - seenMs > deadlines(interval_seconds).staleMs + LAG_MS;
  };
  return new Set(rows.filter(isOffline).map(({ device }) => device));
}
