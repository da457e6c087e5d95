import { httpsTransport } from '@slipway/fleet';
import { FleetClient } from '@slipway/fleet-api';
import { type FleetContext, loadContext } from './context-file.ts';
import { asErrors } from './server-refusal.ts';

export function clientOf({ url, secret, authority }: FleetContext): FleetClient {
  return new FleetClient({
    url,
    transport: httpsTransport(authority === undefined ? {} : { authority }),
    headers: () => (secret === '' ? {} : { authorization: `Bearer ${secret}` }),
  });
}

/** Does something at the server of the last login; what it refuses is an error as if it had happened here. */
export async function atServer<Result>(work: (client: FleetClient) => Promise<Result>): Promise<Result> {
  return await asErrors(async () => await work(clientOf(await loadContext())));
}
