/** What the database of a fleet says about a rollout that is over. */
import type { FleetDatabase } from '../../packages/fleet/src/index.ts';
import type { DeviceStage } from '../../packages/fleet/src/rollout/types/state.ts';
import { loggedSteps } from '../../packages/fleet/src/testing/step-log.ts';

type Queries = FleetDatabase['reads'];

const UNDER_WAY: ReadonlySet<DeviceStage> = new Set(['downloading', 'applying', 'proving', 'reverting']);
const AWAY: ReadonlySet<DeviceStage> = new Set(['applying', 'proving', 'reverting']);

/** How many devices were under way, and how many of one store away, when it was most of all moments at which something was committed. */
export async function committedPeaks(
  queries: Queries,
): Promise<{ readonly underWay: number; readonly away: number }> {
  const stores = await storesOf(queries);
  const underWay = new Set<string>();
  const away = new Map<string, Set<string>>();
  const peaks = { underWay: 0, away: 0 };
  for await (const step of loggedSteps(queries)) {
    const touched = new Set<Set<string>>();
    for (const [device, stage] of step) {
      if (UNDER_WAY.has(stage)) underWay.add(device);
      else underWay.delete(device);
      const store = stores.get(device) ?? '';
      const awayHere = away.get(store) ?? new Set();
      away.set(store, awayHere);
      touched.add(awayHere);
      if (AWAY.has(stage)) awayHere.add(device);
      else awayHere.delete(device);
    }
    peaks.underWay = Math.max(peaks.underWay, underWay.size);
    for (const { size } of touched) peaks.away = Math.max(peaks.away, size);
  }
  return peaks;
}

async function storesOf(queries: Queries): Promise<ReadonlyMap<string, string>> {
  const rows = await queries
    .selectFrom('device_labels')
    .select(['device', 'value'])
    .where('label', '=', 'store')
    .execute();
  return new Map(rows.map(({ device, value }) => [device, value]));
}

/** How many devices were told something once, how many twice; those that never were are not among them. */
export async function timesTold(
  queries: Queries,
  what: 'told-to-stage' | 'told-to-apply',
): Promise<Readonly<Record<number, number>>> {
  const rows = await queries
    .selectFrom('timeline')
    .select((select) => select.fn.countAll<number>().as('times'))
    .where('what', '=', what)
    .groupBy('device')
    .execute();
  const counts: Record<number, number> = {};
  for (const { times } of rows) counts[times] = (counts[times] ?? 0) + 1;
  return counts;
}
