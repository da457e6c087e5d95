import { SlipwayError } from '@slipway/core';
import type { CommandContext } from '../command/spec.ts';
import { atServer } from '../fleet/fleet-client.ts';
import { verbsOf } from '../fleet/kinds.ts';

interface FleetDeleteInput {
  readonly kind: string;
  readonly name: string;
}

/** `slipway fleet delete KIND NAME`. */
export async function fleetDelete(
  { kind, name }: FleetDeleteInput,
  context: CommandContext,
): Promise<number> {
  const { delete: remove, kind: noun } = verbsOf(kind);
  if (remove === undefined) throw new SlipwayError('USAGE', `cannot delete a ${noun}`);
  await atServer(async (client) => await remove(client, name));
  context.print(`${noun} ${name} ${noun === 'Device' ? 'decommissioned' : 'deleted'}\n`);
  return 0;
}
