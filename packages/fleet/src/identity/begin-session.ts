import { randomBytes } from 'node:crypto';
import { type NewSession, PERMISSIONS, type Session, type SessionCalls } from '@slipway/fleet-api';
import { appendAudit } from '../audit/chain.ts';
import { CSRF_COOKIE, SESSION_COOKIE } from '../http/authenticate.ts';
import type { CallContext } from '../http/handler.ts';
import { identityOf } from './credentials.ts';
import { type Identity, permissionsOf } from './identity.ts';
import { newSecret, secretHash } from './secret.ts';

const SESSION_LIFE_MS = 12 * 3_600_000;

/** The session, which no script can read, and what a page must say back with every change, which no page of others can read. */
export function sessionCookies(
  secret: string,
  csrfToken: string,
  seconds: number = SESSION_LIFE_MS / 1000,
): string[] {
  const rest = `Path=/; Max-Age=${seconds}; Secure; SameSite=Strict`;
  return [`${SESSION_COOKIE}=${secret}; HttpOnly; ${rest}`, `${CSRF_COOKIE}=${csrfToken}; ${rest}`];
}

/** Who logs in, and by which call. */
export interface Login {
  readonly organisation: string;
  readonly user: string;
  readonly action: keyof SessionCalls;
}

/** Starts a session of a user who has proved to be one; undefined when there is no such user any more. */
export async function beginSession(
  context: CallContext,
  { organisation, user, action }: Login,
): Promise<NewSession | undefined> {
  const { nowMs, services } = context;
  const secret = newSecret('session');
  const csrfToken = randomBytes(24).toString('base64url');
  return await services.database.transact(async (transaction) => {
    await transaction
      .deleteFrom('credentials')
      .where('kind', '=', 'session')
      .where('expires_ms', '<', nowMs)
      .execute();
    await transaction
      .insertInto('credentials')
      .values({
        hash: secretHash(secret),
        organisation,
        kind: 'session',
        name: user,
        owner: user,
        grants: null,
        csrf: csrfToken,
        created_ms: nowMs,
        expires_ms: nowMs + SESSION_LIFE_MS,
        used_ms: nowMs,
      })
      .execute();
    const identity = await identityOf(transaction, secret, nowMs);
    if (identity === undefined) return undefined;
    await transaction
      .updateTable('passwords')
      .set({ login_ms: nowMs })
      .where('organisation', '=', organisation)
      .where('user', '=', user)
      .execute();
    await appendAudit(transaction, loginRecord(context, { organisation, user, action }, 'done'));
    return { ...presentSession(identity), secret, csrfToken };
  });
}

export function loginRecord(
  { nowMs, address }: CallContext,
  { organisation, user, action }: Login,
  outcome: 'done' | 'refused',
): Parameters<typeof appendAudit>[1] {
  return {
    organisation,
    atMs: nowMs,
    actor: `user:${user}`,
    address,
    action,
    target: `User/${user}`,
    outcome,
    detail: {},
  };
}

export function presentSession(identity: Identity): Session {
  return {
    user: identity.user,
    displayName: identity.displayName,
    organisation: identity.organisation,
    systemAdmin: identity.systemAdmin,
    grants: identity.grants.map(({ grant }) => grant),
    permissions: identity.systemAdmin ? PERMISSIONS : [...permissionsOf(identity)],
    expiresAt: identity.expiresMs === null ? null : new Date(identity.expiresMs).toISOString(),
  };
}
