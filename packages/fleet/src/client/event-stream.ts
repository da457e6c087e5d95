import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import { SlipwayError } from '@slipway/core';
import { type ClientRequest, type FleetEvent, fleetEventSchema } from '@slipway/fleet-api';

/** Silence after which a connection counts as broken: the server speaks every fifteen seconds. */
const SILENCE_MS = 60_000;

/**
 * Events as the server sends them. Ends when the connection does or the signal says so.
 *
 * @throws SlipwayError FLEET_UNAUTHENTICATED, FLEET_FORBIDDEN when the server refuses
 */
export async function* streamEvents(
  { url, headers }: ClientRequest,
  authority: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<FleetEvent> {
  const agent = new Agent(authority === undefined ? {} : { ca: authority });
  try {
    const asking = request(url, {
      agent,
      headers: { ...headers, accept: 'text/event-stream' },
      timeout: SILENCE_MS,
      signal,
    });
    asking.on('timeout', () => asking.destroy());
    asking.end();
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw refused(response.statusCode ?? 0);
    // A connection that breaks ends the events; whoever reads asks again.
    response.on('error', () => undefined);
    const lines = createInterface({ input: response });
    // The lines tell of the end of the connection once more, also when nobody reads them any longer.
    lines.on('error', () => undefined);
    for await (const line of lines) {
      if (line.startsWith('data: ')) yield fleetEventSchema.parse(JSON.parse(line.slice(6)));
    }
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
  } finally {
    agent.destroy();
  }
}

function refused(status: number): SlipwayError {
  return new SlipwayError(
    status === 401 ? 'FLEET_UNAUTHENTICATED' : 'FLEET_FORBIDDEN',
    `cannot follow events: the server answered with status ${status}`,
    { hint: 'log in again' },
  );
}
