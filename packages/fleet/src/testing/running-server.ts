import type { FleetClient } from '@slipway/fleet-api';
import { type FleetServer, type ServeFleetOptions, serveFleet } from '../server/serve-fleet.ts';
import { failuresLog } from './failures-log.ts';
import { clientOf } from './test-client.ts';

/** Of the first user. */
export const PASSWORD: string = 'correct horse battery staple';

/** A server, and its first user logged in. */
export interface RunningServer extends AsyncDisposable {
  readonly server: FleetServer;
  readonly admin: FleetClient;
}

/** Starts one that keeps nothing in files of its own but what the options name. */
export async function startServer(options: Partial<ServeFleetOptions>): Promise<RunningServer> {
  const server = await serveFleet({
    root: '/nonexistent',
    port: 0,
    log: failuresLog,
    firstPassword: PASSWORD,
    ...options,
  });
  return {
    server,
    admin: await adminOf(server),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Logs the first user in. */
export async function adminOf({ url, authority }: FleetServer): Promise<FleetClient> {
  const { secret } = await clientOf(url, authority).call('sessions.create', {
    body: { user: 'admin', password: PASSWORD },
  });
  return clientOf(url, authority, secret);
}
