import type { Queries } from '../database/database.ts';
import { isSilent } from './device-state.ts';

/** To look a device up by its name takes ten times as long as to come by it in the order of an index. */
const FEW = 10_000;

/**
 * Whether so few devices are silent that it is best to begin with them, as nearly always. They are many when the server comes back after
 * a while, or a network does not.
 */
export async function areFewSilent(queries: Queries, nowMs: number): Promise<boolean> {
  const { count } = await queries
    .selectFrom((from) =>
      from
        .selectFrom('device_presence')
        .select('device')
        .where(isSilent(nowMs))
        .limit(FEW + 1)
        .as('silent'),
    )
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count <= FEW;
}
