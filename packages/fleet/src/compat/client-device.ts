import type { DeviceReport, DeviceSpec } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import { orderOf } from '../devices/update-order.ts';

/** Label under which people write down what a host calls itself in the protocols of others. */
const CLIENT_LABEL = 'machine-id';

/** What of a device matters to its restarts and updates. */
export interface ClientDevice {
  readonly name: string;
  readonly timeZone: string | undefined;
  readonly hold: DeviceSpec['hold'];
  /** Digests it failed with. */
  readonly denied: readonly string[];
  /** The order it has, by its name; undefined: none. */
  readonly updateId: string | undefined;
  /** It has told something about itself. */
  readonly hasAgent: boolean;
}

/** The device of a fleet a client is: by its name, or by the label `machine-id`. */
export async function clientDevice(
  queries: Queries,
  organisation: string,
  fleet: string,
  id: string,
): Promise<ClientDevice | undefined> {
  const row = await queries
    .selectFrom('devices')
    .select(['name', 'spec', 'report', 'denied', 'update_order'])
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .where('lifecycle', '=', 'enrolled')
    .where((where) =>
      where.or([
        where('name', '=', id),
        where(
          'name',
          'in',
          where
            .selectFrom('device_labels')
            .select('device')
            .where('label', '=', CLIENT_LABEL)
            .where('value', '=', id),
        ),
      ]),
    )
    .orderBy('name')
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const report = row.report === null ? undefined : (JSON.parse(row.report) as DeviceReport);
  return {
    name: row.name,
    timeZone: report?.timeZone,
    hold: (JSON.parse(row.spec) as DeviceSpec).hold,
    denied: JSON.parse(row.denied) as readonly string[],
    updateId: orderOf(row.update_order)?.updateId,
    hasAgent: report !== undefined,
  };
}
