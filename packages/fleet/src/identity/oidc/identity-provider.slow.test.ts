/** A provider that lies, is slow, or is none: each answer differs in one thing from one that is taken. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@slipway/core';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IdentityProvider } from './identity-provider.ts';
import { checkProviderOptions } from './provider-options.ts';

const CLIENT = 'slipway';
const LOGIN = { state: 'the-state', nonce: 'the-nonce', codeVerifier: 'v'.repeat(43) };
const HOUR_S = 3600;

interface Lies {
  readonly token?: (honest: JWTPayload) => Promise<string>;
  readonly metadata?: object;
  readonly userinfo?: object;
  readonly status?: number;
  readonly body?: string;
}

let server: Server;
let issuer: string;
let keys: { readonly own: CryptoKey; readonly other: CryptoKey };
let lies: Lies = {};

beforeAll(async () => {
  const own = await generateKeyPair('ES256', { extractable: true });
  keys = { own: own.privateKey, other: (await generateKeyPair('ES256')).privateKey };
  const jwks = { keys: [{ ...(await exportJWK(own.publicKey)), alg: 'ES256', use: 'sig', kid: 'k' }] };
  const answers: Readonly<Record<string, () => Promise<object>>> = {
    '/.well-known/openid-configuration': async () => ({
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/jwks`,
      id_token_signing_alg_values_supported: ['ES256'],
      ...lies.metadata,
    }),
    '/jwks': async () => jwks,
    '/userinfo': async () => ({ sub: 'anna', groups: ['staff'], ...lies.userinfo }),
    '/token': async () => ({
      access_token: 'a',
      token_type: 'bearer',
      id_token: await (lies.token ?? signed)(honest()),
    }),
  };
  server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    if (lies.body === 'never') return;
    if (answer === undefined) response.writeHead(404).end();
    else
      void answer().then((value) => {
        const headers = { 'content-type': 'application/json' };
        response.writeHead(lies.status ?? 200, headers).end(lies.body ?? JSON.stringify(value));
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

function honest(): JWTPayload {
  const nowS = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    sub: 'anna',
    aud: CLIENT,
    iat: nowS,
    exp: nowS + HOUR_S,
    nonce: LOGIN.nonce,
    preferred_username: 'anna',
  };
}

async function signed(claims: JWTPayload, key: CryptoKey = keys.own): Promise<string> {
  return await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(key);
}

function providerAt(where = issuer, timeoutSeconds?: number): IdentityProvider {
  const options = { issuer: where, clientId: CLIENT, clientSecret: 'secret' };
  return new IdentityProvider(options, systemClock, timeoutSeconds);
}

async function finish(lying: Lies, provider?: IdentityProvider): Promise<unknown> {
  lies = lying;
  const answer = new URL(`https://fleet.example/callback?code=c&state=${LOGIN.state}`);
  return await (provider ?? providerAt()).finish(answer, LOGIN);
}

test('an honest answer is taken', async () => {
  expect(await finish({})).toEqual({
    issuer,
    subject: 'anna',
    names: ['anna'],
    displayName: undefined,
    groups: ['staff'],
  });
});

describe('an ID token is refused', () => {
  const refusal = { code: 'FLEET_UNAUTHENTICATED' };
  test.each<[string, JWTPayload]>([
    ['of another issuer', { iss: 'https://other.example' }],
    ['for another client', { aud: 'another' }],
    ['that is too old', { exp: 1 }],
    ['for another login', { nonce: 'another' }],
  ])('%s', async (_name, change) => {
    await expect(finish({ token: (claims) => signed({ ...claims, ...change }) })).rejects.toMatchObject(
      refusal,
    );
  });

  test('that is signed with another key, changed after it was signed, or not signed', async () => {
    const failure = { code: expect.stringMatching(/^FLEET_(UNAUTHENTICATED|PROVIDER_FAILED)$/) };
    await expect(finish({ token: (claims) => signed(claims, keys.other) })).rejects.toMatchObject(failure);
    const unsigned = async (claims: JWTPayload): Promise<string> => new UnsecuredJWT(claims).encode();
    await expect(finish({ token: unsigned })).rejects.toMatchObject(failure);
    const changed = async (claims: JWTPayload): Promise<string> => {
      const [header, , signature] = (await signed(claims)).split('.');
      const body = Buffer.from(JSON.stringify({ ...claims, sub: 'boss' })).toString('base64url');
      return [header, body, signature].join('.');
    };
    await expect(finish({ token: changed })).rejects.toMatchObject(failure);
  });

  test('that is about another than the rest of the answer', async () => {
    await expect(finish({ userinfo: { sub: 'boss' } })).rejects.toMatchObject(refusal);
  });
});

describe('a provider is refused', () => {
  const failure = { code: 'FLEET_PROVIDER_FAILED' };
  test.each<[string, RegExp, Lies]>([
    ['that says to be another', /does not match/, { metadata: { issuer: 'https://other.example' } }],
    ['that answers with a failure', /unexpected HTTP response status/, { status: 503 }],
    ['that redirects', /unexpected HTTP response status/, { status: 302 }],
    ['that answers with no JSON', /JSON/, { body: '<html>' }],
    ['that answers without end', /too large/, { body: `{"a":"${'x'.repeat(2 ** 20)}"}` }],
    [
      'that sends secrets elsewhere without TLS',
      /not reached by https/,
      { metadata: { token_endpoint: 'http://other.example/token' } },
    ],
  ])('%s', async (_name, reason, lying) => {
    await expect(finish(lying)).rejects.toMatchObject({
      ...failure,
      cause: { message: expect.stringMatching(reason) },
    });
  });

  test('that never answers', async () => {
    await expect(finish({ body: 'never' }, providerAt(issuer, 0.5))).rejects.toMatchObject(failure);
  });

  test('until it works again', async () => {
    const provider = providerAt();
    await expect(finish({ status: 503 }, provider)).rejects.toMatchObject(failure);
    expect(await finish({}, provider)).toMatchObject({ subject: 'anna' });
  });

  test('for programs, where it has no such login', async () => {
    lies = {};
    await expect(providerAt().beginDevice()).rejects.toMatchObject({ code: 'FLEET_NOT_FOUND' });
  });
});

test.each([
  ['no URL', { issuer: 'login.example' }],
  ['without TLS', { issuer: 'http://login.example' }],
  ['a file', { issuer: 'file:///etc/passwd' }],
  ['with a query', { issuer: 'https://login.example/?a=b' }],
  ['with a password', { issuer: 'https://a:b@login.example/' }],
  ['for no client', { clientId: '' }],
  ['with an empty secret', { clientSecret: '' }],
])('settings are refused: %s', (_name, change) => {
  const options = { issuer: 'https://login.example', clientId: CLIENT, clientSecret: 's', ...change };
  expect(() => checkProviderOptions(options)).toThrow(
    expect.objectContaining({ code: 'FLEET_PROVIDER_INVALID' }),
  );
});
