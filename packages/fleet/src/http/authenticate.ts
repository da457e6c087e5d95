import { timingSafeEqual } from 'node:crypto';
import { SlipwayError } from '@slipway/core';
import type { AnyRoute } from '@slipway/fleet-api';
import type { FastifyRequest } from 'fastify';
import { identityOf } from '../identity/credentials.ts';
import type { Identity, Scope } from '../identity/identity.ts';
import { scopeOf } from '../identity/identity.ts';
import type { Services } from '../server/services.ts';
import { forbidden } from './problem.ts';

export const SESSION_COOKIE = 'slipway_session';
/** Where a page that was loaded anew finds what it must say back. */
export const CSRF_COOKIE = 'slipway_csrf';
export const CSRF_HEADER = 'slipway-csrf';
const ORGANISATION_HEADER = 'slipway-organisation';

/** Who asks nothing that needs a name. */
export const NOBODY: Identity = {
  organisation: '',
  actor: 'nobody',
  user: '',
  displayName: '',
  systemAdmin: false,
  grants: [],
  csrf: null,
  credentialHash: '',
  expiresMs: null,
};

/**
 * Who asks, by bearer token or by the cookie of a page, and how far the permission of the route reaches for them.
 *
 * @throws SlipwayError FLEET_UNAUTHENTICATED, FLEET_FORBIDDEN
 */
export async function authenticate(
  request: FastifyRequest,
  route: AnyRoute,
  services: Services,
): Promise<{ readonly identity: Identity; readonly scope: Scope }> {
  const { secret, isCookie } = presentedSecret(request);
  const nowMs = services.clock.nowMs();
  const known =
    secret === undefined
      ? undefined
      : await services.identities.find(
          secret,
          () => identityOf(services.database.reads, secret, nowMs),
          nowMs,
        );
  if (known === undefined) {
    throw new SlipwayError(
      'FLEET_UNAUTHENTICATED',
      'cannot tell who asks: there is no valid session or token',
      {
        hint: 'log in, or send a token as Authorization: Bearer',
      },
    );
  }
  if (isCookie) checkPage(request, known);
  const identity = inOrganisation(request, known);
  if (route.access.kind !== 'permission') return { identity, scope: { kind: 'all' } };
  const scope = scopeOf(identity, route.access.permission);
  if (scope.kind === 'none') throw forbidden(`it needs the permission ${route.access.permission}`);
  return { identity, scope };
}

function presentedSecret(request: FastifyRequest): {
  readonly secret: string | undefined;
  readonly isCookie: boolean;
} {
  const bearer = /^Bearer (?<secret>\S{1,256})$/i.exec(request.headers.authorization ?? '')?.groups?.[
    'secret'
  ];
  if (request.headers.authorization !== undefined) return { secret: bearer, isCookie: false };
  return { secret: cookieOf(request.headers.cookie, SESSION_COOKIE), isCookie: true };
}

export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === name && value !== undefined && value !== '') return value;
  }
  return undefined;
}

/** A page of somebody else can make a browser send the cookie, but cannot read the token that must come with every change. */
function checkPage(request: FastifyRequest, { csrf }: Identity): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const sent = Buffer.from(String(request.headers[CSRF_HEADER] ?? ''));
  const expected = Buffer.from(csrf ?? '');
  if (expected.length > 0 && sent.length === expected.length && timingSafeEqual(sent, expected)) return;
  throw forbidden(`a page must send its token in ${CSRF_HEADER} with every change`);
}

/** An administrator of the whole may act in every organisation; everybody else is in their own, whatever they say. */
function inOrganisation(request: FastifyRequest, identity: Identity): Identity {
  const wanted = request.headers[ORGANISATION_HEADER];
  if (typeof wanted !== 'string' || wanted === identity.organisation) return identity;
  if (!identity.systemAdmin) throw forbidden('you belong to another organisation');
  return { ...identity, organisation: wanted };
}
