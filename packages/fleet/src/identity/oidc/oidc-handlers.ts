import { SlipwayError } from '@slipway/core';
import type { LoginMethods, NewSession, SessionCalls } from '@slipway/fleet-api';
import { randomNonce, randomPKCECodeVerifier, randomState } from 'openid-client';
import { appendAudit } from '../../audit/chain.ts';
import { cookieOf } from '../../http/authenticate.ts';
import type { CallContext, Handlers } from '../../http/handler.ts';
import { notFound } from '../../http/problem.ts';
import { beginSession, loginRecord, sessionCookies } from '../begin-session.ts';
import { FIRST_ORGANISATION } from '../credentials.ts';
import type { BrowserLogin, IdentityProvider } from './identity-provider.ts';
import { ownPath } from './own-path.ts';
import type { Person } from './person.ts';
import { userOfPerson } from './provider-user.ts';

const START_PATH = '/api/v1/login/oidc';
const CALLBACK_PATH = `${START_PATH}/callback`;
/** The prefix makes browsers take it from this very server alone, over TLS. */
const LOGIN_COOKIE = '__Host-slipway_login';
const LOGIN_LIFE_MS = 600_000;

type OidcCalls = Pick<SessionCalls, Extract<keyof SessionCalls, `oidc.${string}`>>;

interface KeptLogin extends BrowserLogin {
  readonly returnTo: string;
}

export const OIDC_HANDLERS: Handlers<OidcCalls> = {
  'oidc.start': async ({ query, context }) => {
    const { seal, settings } = context.services;
    const provider = providerOf(context);
    const returnTo = ownPath(query.returnTo, settings.publicUrl);
    const login: BrowserLogin = {
      state: randomState(),
      nonce: randomNonce(),
      codeVerifier: randomPKCECodeVerifier(),
    };
    const location = await provider.begin(login, `${settings.publicUrl}${CALLBACK_PATH}`);
    const kept = await seal.close('browser-login', { ...login, returnTo }, context.nowMs + LOGIN_LIFE_MS);
    return { body: null, headers: { location, 'set-cookie': loginCookie(kept, LOGIN_LIFE_MS / 1000) } };
  },

  'oidc.callback': async ({ query, headers, context }) => {
    const provider = providerOf(context);
    const kept = cookieOf(headers['cookie'], LOGIN_COOKIE);
    const login = (kept === undefined
      ? undefined
      : await context.services.seal.open('browser-login', kept, context.nowMs)) as unknown as
      | KeptLogin
      | undefined;
    if (login === undefined) throw noLogin('this browser began none, or more than ten minutes ago');
    const answer = new URL(`${context.services.settings.publicUrl}${CALLBACK_PATH}`);
    for (const [name, value] of Object.entries(query)) answer.searchParams.set(name, value);
    const person = await provider.finish(answer, login);
    const session = await sessionOf(context, person, 'oidc.callback');
    const cookies = [loginCookie('', 0), ...sessionCookies(session.secret, session.csrfToken)];
    return { body: null, headers: { location: login.returnTo, 'set-cookie': cookies } };
  },

  'oidc.deviceStart': async ({ context }) => {
    const begun = await providerOf(context).beginDevice();
    const untilMs = context.nowMs + begun.lifeMs;
    const { deviceCode, userCode, verificationUrl, intervalSeconds } = begun;
    return {
      body: {
        deviceCode: await context.services.seal.close('device-login', { deviceCode }, untilMs),
        userCode,
        verificationUrl,
        intervalSeconds,
        expiresAt: new Date(untilMs).toISOString(),
      },
    };
  },

  'oidc.devicePoll': async ({ body, context }) => {
    const provider = providerOf(context);
    const opened = await context.services.seal.open('device-login', body.deviceCode, context.nowMs);
    const deviceCode = opened?.['deviceCode'];
    if (typeof deviceCode !== 'string') throw noLogin('it was begun elsewhere, or too long ago');
    const person = await provider.pollDevice(deviceCode);
    if (person === 'pending') {
      throw new SlipwayError('FLEET_CONFLICT', 'cannot log in yet: nobody has typed the code', {
        hint: 'open the address, type the code, and ask again',
      });
    }
    if (person === 'too-often') {
      throw new SlipwayError(
        'FLEET_TOO_MANY_TRIES',
        'cannot log in yet: the identity provider is asked too often',
        {
          hint: 'wait five seconds longer between two tries',
        },
      );
    }
    return { body: await sessionOf(context, person, 'oidc.devicePoll') };
  },
};

/** What the login page shows. */
export function loginMethodOf(provider: IdentityProvider | undefined): LoginMethods['oidc'] {
  return provider === undefined ? null : { name: provider.name, url: START_PATH };
}

function providerOf({ services }: CallContext): IdentityProvider {
  if (services.provider === undefined) throw notFound('identity provider', 'of this server');
  return services.provider;
}

/** Lax, because the browser comes back from another site; the session itself stays strict. */
function loginCookie(value: string, seconds: number): string {
  return `${LOGIN_COOKIE}=${value}; HttpOnly; Path=/; Max-Age=${seconds}; Secure; SameSite=Lax`;
}

async function sessionOf(context: CallContext, person: Person, action: keyof OidcCalls): Promise<NewSession> {
  const login = { organisation: FIRST_ORGANISATION, user: await userOfPerson(context, person), action };
  const session = await beginSession(context, login);
  if (session !== undefined) return session;
  await context.services.database.transact(
    async (transaction) => await appendAudit(transaction, loginRecord(context, login, 'refused')),
  );
  throw noLogin(`the user ${login.user} is disabled`);
}

function noLogin(why: string): SlipwayError {
  return new SlipwayError('FLEET_UNAUTHENTICATED', `cannot log in: ${why}`, {
    hint: 'begin the login again, or ask an administrator',
  });
}
