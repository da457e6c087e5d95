import type { FleetSpec } from '@slipway/fleet-api';
import { type FleetSources, sourcesOfFleet } from '../configuration/source-store.ts';
import type { FleetDatabase } from '../database/database.ts';

export interface CachedFleet {
  readonly spec: FleetSpec;
  readonly revision: number;
  /** What its configuration takes from elsewhere. */
  readonly sources: FleetSources;
}

const LIFE_MS = 1000;

/** Fleets by name, for check-ins: a second old at most, and told at once of changes made here. */
export class FleetCache {
  readonly #database: FleetDatabase;
  readonly #fleets = new Map<string, { readonly fleet: CachedFleet | undefined; readonly untilMs: number }>();

  constructor(database: FleetDatabase) {
    this.#database = database;
  }

  async get(organisation: string, name: string, nowMs: number): Promise<CachedFleet | undefined> {
    const key = `${organisation}/${name}`;
    const known = this.#fleets.get(key);
    if (known !== undefined && known.untilMs > nowMs) return known.fleet;
    const row = await this.#database.reads
      .selectFrom('resources')
      .select(['spec', 'revision'])
      .where('organisation', '=', organisation)
      .where('kind', '=', 'Fleet')
      .where('name', '=', name)
      .executeTakeFirst();
    const fleet = row === undefined ? undefined : await this.#fleet(organisation, name, row);
    this.#fleets.set(key, { fleet, untilMs: nowMs + LIFE_MS });
    return fleet;
  }

  async #fleet(
    organisation: string,
    name: string,
    { spec: json, revision }: { readonly spec: string; readonly revision: number },
  ): Promise<CachedFleet> {
    const spec = JSON.parse(json) as FleetSpec;
    return { spec, revision, sources: await sourcesOfFleet(this.#database.reads, organisation, name, spec) };
  }

  forget(): void {
    this.#fleets.clear();
  }
}
