import { setTimeout as sleep } from 'node:timers/promises';
import { SlipwayError } from '@slipway/core';
import type { FleetClient, Operation } from '@slipway/fleet-api';
import type { CommandContext } from '../command/spec.ts';
import { atServer } from '../fleet/fleet-client.ts';
import { verbsOf } from '../fleet/kinds.ts';

interface FleetDeleteInput {
  readonly kind: string;
  readonly name: string | undefined;
  readonly selector: string | undefined;
  readonly expect: number | undefined;
  readonly reason: string | undefined;
}

const LOOK_MS = 1000;

/** `slipway fleet delete KIND NAME`, and `slipway fleet delete devices --selector …`. */
export async function fleetDelete(input: FleetDeleteInput, context: CommandContext): Promise<number> {
  const { kind, name, selector } = input;
  const { delete: remove, kind: noun } = verbsOf(kind);
  if (remove === undefined) throw new SlipwayError('USAGE', `cannot delete a ${noun}`);
  if (selector !== undefined) return await decommissionSelected(input, selector, noun, context);
  if (name === undefined) {
    throw new SlipwayError('USAGE', `cannot delete a ${noun} without its name`, {
      hint: 'give NAME, or with devices --selector',
    });
  }
  await atServer(async (client) => await remove(client, name));
  context.print(`${noun} ${name} ${noun === 'Device' ? 'decommissioned' : 'deleted'}\n`);
  return 0;
}

async function decommissionSelected(
  { name, expect, reason }: FleetDeleteInput,
  selector: string,
  noun: string,
  context: CommandContext,
): Promise<number> {
  if (noun !== 'Device' || name !== undefined)
    throw new SlipwayError('USAGE', 'cannot use --selector with anything but devices, or with a name');
  const body = {
    selector,
    ...(expect === undefined ? {} : { expected: expect }),
    ...(reason === undefined ? {} : { reason }),
  };
  const { done, total, state, message } = await atServer(async (client) => {
    const begun = await client.call('devices.decommissionSelected', { body });
    return await finished(client, begun, context.operation.signal);
  });
  context.print(`${done} of ${total} devices decommissioned\n`);
  if (state === 'succeeded') return 0;
  throw new SlipwayError('FLEET_CONFLICT', message ?? 'the operation did not come to its end');
}

async function finished(client: FleetClient, begun: Operation, signal: AbortSignal): Promise<Operation> {
  let now = begun;
  while (now.state === 'running') {
    await sleep(LOOK_MS, undefined, { signal });
    now = await client.call('operations.get', { params: { id: begun.id } });
  }
  return now;
}
