import type { Clock } from '@slipway/core';
import { API_VERSION, type UserSpec } from '@slipway/fleet-api';
import type { FleetDatabase } from '../database/database.ts';
import { FIRST_ORGANISATION, FIRST_USER } from '../identity/credentials.ts';
import { hashPassword } from '../identity/password.ts';
import { findResource, saveResource } from '../resources/resource-store.ts';

/**
 * Makes the first administrator when there is none yet. The password, when this made the user; user and password are one transaction, so
 * a power cut leaves a server that makes them on its next start.
 */
export async function makeFirstUser(
  database: FleetDatabase,
  password: string,
  clock: Clock,
): Promise<string | undefined> {
  if ((await findResource(database.reads, FIRST_ORGANISATION, 'User', FIRST_USER)) !== undefined)
    return undefined;
  const hash = await hashPassword(password);
  return await database.transact(async (transaction) => {
    const made = await transaction
      .insertInto('passwords')
      .values({ organisation: FIRST_ORGANISATION, user: FIRST_USER, hash, origin: 'local', login_ms: null })
      .onConflict((conflict) => conflict.columns(['organisation', 'user']).doNothing())
      .returning('user')
      .executeTakeFirst();
    // Another replica was first.
    if (made === undefined) return undefined;
    const spec: UserSpec = { displayName: 'Administrator', grants: [{ role: 'admin' }] };
    const input = { apiVersion: API_VERSION, kind: 'User', metadata: { name: FIRST_USER }, spec } as const;
    await saveResource(transaction, FIRST_ORGANISATION, input, clock.nowMs());
    return password;
  });
}
