import { SlipwayError } from '@slipway/core';
import type { SessionCalls } from '@slipway/fleet-api';
import { sql } from 'kysely';
import { appendAudit } from '../audit/chain.ts';
import type { Handlers } from '../http/handler.ts';
import { beginSession, loginRecord, presentSession, sessionCookies } from './begin-session.ts';
import { FIRST_ORGANISATION } from './credentials.ts';
import { loginMethodOf, OIDC_HANDLERS } from './oidc/oidc-handlers.ts';
import { verifyPassword } from './password.ts';

export const SESSION_HANDLERS: Handlers<SessionCalls> = {
  'health.live': async ({ context }) => ({
    body: { status: 'ok', version: context.services.settings.version },
  }),

  'health.ready': async ({ context }) => {
    const { version } = context.services.settings;
    if (context.services.ending.aborted) return { body: { status: 'failing', version }, status: 503 };
    try {
      await sql`select 1`.execute(context.services.database.reads);
      return { body: { status: 'ok', version } };
    } catch {
      return { body: { status: 'failing', version }, status: 503 };
    }
  },

  'sessions.methods': async ({ context }) => ({
    body: { local: true, oidc: loginMethodOf(context.services.provider) },
  }),

  'sessions.create': async ({ body, context }) => {
    const organisation = body.organisation ?? FIRST_ORGANISATION;
    const keys = [`user:${organisation}/${body.user}`, `address:${context.address}`];
    const { loginGuard, database } = context.services;
    loginGuard.check(keys, context.nowMs);
    const row = await context.queries
      .selectFrom('passwords')
      .select(['hash', 'origin'])
      .where('organisation', '=', organisation)
      .where('user', '=', body.user)
      .executeTakeFirst();
    const isRight = await verifyPassword(body.password, row?.hash);
    const login = { organisation, user: body.user, action: 'sessions.create' } as const;
    const session = isRight ? await beginSession(context, login) : undefined;
    if (session === undefined) {
      loginGuard.failed(keys, context.nowMs);
      await database.transact(
        async (transaction) => await appendAudit(transaction, loginRecord(context, login, 'refused')),
      );
      throw new SlipwayError('FLEET_UNAUTHENTICATED', 'cannot log in: user or password is wrong', {
        hint: 'ask an administrator for a new password',
      });
    }
    loginGuard.succeeded(keys);
    return {
      body: session,
      headers: { 'set-cookie': sessionCookies(session.secret, session.csrfToken) },
    };
  },

  'sessions.current': async ({ context }) => ({ body: presentSession(context.identity) }),

  'sessions.end': async ({ context }) => {
    await context.queries
      .deleteFrom('credentials')
      .where('hash', '=', context.identity.credentialHash)
      .where('kind', '=', 'session')
      .execute();
    context.services.identities.forget();
    context.audit(`User/${context.identity.user}`, { what: 'logged out' });
    return { body: null, headers: { 'set-cookie': sessionCookies('', '', 0) } };
  },

  ...OIDC_HANDLERS,
};
