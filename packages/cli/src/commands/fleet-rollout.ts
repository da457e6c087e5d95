import type { CommandContext } from '../command/spec.ts';
import { atServer } from '../fleet/fleet-client.ts';

interface FleetRolloutInput {
  readonly action: string;
  readonly name: string;
  readonly reason: string | undefined;
}

const CALLS = {
  approve: 'rollouts.approve',
  pause: 'rollouts.pause',
  resume: 'rollouts.resume',
  abort: 'rollouts.abort',
  rollback: 'rollouts.rollback',
} as const;

/** `slipway fleet rollout ACTION NAME`; the parser lets only these actions through. */
export async function fleetRollout(input: FleetRolloutInput, context: CommandContext): Promise<number> {
  const { action, name, reason } = input;
  const id = CALLS[action as keyof typeof CALLS];
  const body = reason === undefined ? {} : { reason };
  const rollout = await atServer(async (client) => await client.call(id, { params: { name }, body }));
  context.print(`${name} is ${rollout.status.state}\n`);
  return 0;
}
