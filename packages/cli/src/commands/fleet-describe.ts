import { stringify } from 'yaml';
import type { CommandContext } from '../command/spec.ts';
import { atServer } from '../fleet/fleet-client.ts';
import { verbsOf } from '../fleet/kinds.ts';

interface FleetDescribeInput {
  readonly kind: string;
  readonly name: string;
}

const SHOWN = 50;

/** `slipway fleet describe KIND NAME`. */
export async function fleetDescribe(
  { kind, name }: FleetDescribeInput,
  context: CommandContext,
): Promise<number> {
  const verbs = verbsOf(kind);
  const described = await atServer(async (client) => {
    const resource = await verbs.get(client, name);
    if (verbs.kind !== 'Device') return resource;
    const { items } = await client.call('devices.timeline', { params: { name }, query: { limit: SHOWN } });
    return { ...resource, timeline: items };
  });
  // YAML writes control characters of what devices say as escapes.
  context.print(stringify(described));
  return 0;
}
