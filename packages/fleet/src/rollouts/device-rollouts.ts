import type { Queries } from '../database/database.ts';
import { whyOfRow, whysOf } from './rollout-store.ts';

/** The part a device has in the rollout of its fleet. */
export interface DeviceRollout {
  readonly rollout: string;
  /** Why it is where it is; null: it is where it should be. */
  readonly why: string | null;
}

/** What rollouts say of some devices of an organisation, by their names; those of which none says anything are left out. */
export async function deviceRollouts(
  queries: Queries,
  organisation: string,
  devices: readonly { readonly name: string; readonly fleet: string | null }[],
): Promise<ReadonlyMap<string, DeviceRollout>> {
  const fleets = [...new Set(devices.flatMap(({ fleet }) => fleet ?? []))];
  if (fleets.length === 0) return new Map();
  const rollouts = await queries
    .selectFrom('rollouts')
    .select(['name', 'whys'])
    .where('organisation', '=', organisation)
    .where('fleet', 'in', fleets)
    .where('state', '!=', 'superseded')
    .execute();
  if (rollouts.length === 0) return new Map();
  const rows = await queries
    .selectFrom('rollout_devices')
    .select(['rollout', 'device', 'batch', 'state', 'why'])
    .where('organisation', '=', organisation)
    .where(
      'rollout',
      'in',
      rollouts.map(({ name }) => name),
    )
    .where(
      'device',
      'in',
      devices.map(({ name }) => name),
    )
    .execute();
  const whys = new Map(rollouts.map((rollout) => [rollout.name, whysOf(rollout)]));
  return new Map(
    rows.map((row) => [
      row.device,
      { rollout: row.rollout, why: whyOfRow(row, whys.get(row.rollout) ?? []) },
    ]),
  );
}
