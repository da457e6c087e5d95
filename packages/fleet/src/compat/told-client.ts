import type { Queries } from '../database/database.ts';

/** Whether the engine told a device of a fleet to go where its fleet goes. */
export async function isTold(
  queries: Queries,
  organisation: string,
  fleet: string,
  device: string,
): Promise<boolean> {
  const row = await queries
    .selectFrom('rollout_devices')
    .innerJoin('rollouts', (join) =>
      join
        .onRef('rollouts.organisation', '=', 'rollout_devices.organisation')
        .onRef('rollouts.name', '=', 'rollout_devices.rollout'),
    )
    .select('rollout_devices.started_ms')
    .where('rollouts.organisation', '=', organisation)
    .where('rollouts.fleet', '=', fleet)
    .where('rollouts.state', '!=', 'superseded')
    .where('rollout_devices.device', '=', device)
    .executeTakeFirst();
  return row?.started_ms != null;
}
