import { setTimeout as sleep } from 'node:timers/promises';
import { streamEvents } from '@slipway/fleet';
import type { FleetClient, FleetEvent } from '@slipway/fleet-api';
import type { CommandContext } from '../command/spec.ts';
import { loadContext } from '../fleet/context-file.ts';
import { clientOf } from '../fleet/fleet-client.ts';
import { safeText } from '../output/safe-text.ts';

interface FleetWatchInput {
  readonly fleet: string | undefined;
  readonly json: boolean;
}

const AGAIN_MS = 2000;

/** `slipway fleet watch`: until it is told to stop, which is a good end. */
export async function fleetWatch(input: FleetWatchInput, context: CommandContext): Promise<number> {
  const { signal, log } = context.operation;
  const where = await loadContext();
  const client: FleetClient = clientOf(where);
  let last: number | undefined;
  while (!signal.aborted) {
    const query = {
      ...(input.fleet === undefined ? {} : { fleet: input.fleet }),
      ...(last === undefined ? {} : { after: last }),
    };
    const asked = client.request('events.watch', { query });
    for await (const event of streamEvents(asked, where.authority, signal)) {
      last = event.sequence;
      context.print(input.json ? `${JSON.stringify(event)}\n` : `${safeText(lineOf(event))}\n`);
    }
    if (signal.aborted) break;
    log.warn('the connection broke: going on where it was');
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
  return 0;
}

function lineOf({ at, kind, name, message }: FleetEvent): string {
  return `${at}  ${kind} ${name}  ${message}`;
}
