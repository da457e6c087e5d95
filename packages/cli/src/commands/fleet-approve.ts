import type { CommandContext } from '../command/spec.ts';
import { parseNameValue } from '../command/values.ts';
import { atServer } from '../fleet/fleet-client.ts';

interface FleetApproveInput {
  readonly name: string;
  readonly label: readonly string[];
  readonly fleet: string | undefined;
}

/** `slipway fleet approve NAME`. */
export async function fleetApprove(
  { name, label, fleet }: FleetApproveInput,
  context: CommandContext,
): Promise<number> {
  const labels = Object.fromEntries(label.map((each) => parseNameValue(each, '--label')));
  const body = { labels, ...(fleet === undefined ? {} : { fleet }) };
  await atServer(async (client) => await client.call('enrolments.approve', { params: { name }, body }));
  context.print(`${name} is a device\n`);
  return 0;
}
