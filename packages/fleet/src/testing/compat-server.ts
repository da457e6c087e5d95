import type { FleetSpec, Permission } from '@slipway/fleet-api';
import type { ServeFleetOptions } from '../server/serve-fleet.ts';
import type { Place } from './places.ts';
import { type RunningServer, startServer } from './running-server.ts';

export const HEADER = { apiVersion: 'slipway/v1' } as const;
export const DAY_MS: number = 86_400_000;
/** Yesterday at noon: certificates made then are good now, by the clock of TLS too. */
export const START_MS: number = (Math.floor(Date.now() / DAY_MS) - 0.5) * DAY_MS;
/** A server for clients of others, whose clock stands still until it is set. */
export interface CompatServer extends RunningServer {
  readonly database: string;
  readonly clock: { ms: number; nowMs(): number };
  /** Makes a token with one permission, of one fleet or of all. */
  token(permission: Permission, fleet?: string): Promise<string>;
  putFleet(name: string, spec: FleetSpec): Promise<void>;
}

export async function startCompatServer(
  place: Place,
  more: Partial<ServeFleetOptions> = {},
): Promise<CompatServer> {
  const database = await place();
  const clock = { ms: START_MS, nowMs: () => clock.ms };
  const running = await startServer({ database, stepRolloutsMs: 50, clock, ...more });
  const { admin } = running;
  let tokens = 0;
  return {
    ...running,
    database,
    clock,
    token: async (permission, fleet) => {
      tokens += 1;
      const name = `client-${tokens}`;
      const role = {
        ...HEADER,
        kind: 'Role',
        metadata: { name },
        spec: { permissions: [permission] },
      } as const;
      await admin.call('roles.put', { params: { name }, body: role });
      const grant = { role: name, ...(fleet === undefined ? {} : { fleets: [fleet] }) };
      return (await admin.call('tokens.create', { body: { name, grants: [grant] } })).secret;
    },
    putFleet: async (name, spec) => {
      const body = { ...HEADER, kind: 'Fleet', metadata: { name }, spec } as const;
      await admin.call('fleets.put', { params: { name }, body });
    },
  };
}
