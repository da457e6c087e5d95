/** Route by route through the committed OpenAPI document: a new route is covered by itself. */
import { readFileSync } from 'node:fs';
import { makeTempDir, type TempDir } from '@slipway/core';
import type { RouteAccess } from '@slipway/fleet-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpsTransport } from '../client/https-transport.ts';
import { failuresLog } from '../testing/failures-log.ts';
import { clientOf } from '../testing/test-client.ts';
import { TestDevice } from '../testing/test-device.ts';
import { type FleetServer, serveFleet } from './serve-fleet.ts';

interface Documented {
  readonly operationId: string;
  readonly 'x-slipway-access': RouteAccess;
}

const DOCUMENT = JSON.parse(
  readFileSync(new URL('../../../fleet-api/openapi.json', import.meta.url), 'utf8'),
) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Documented>>>>;
};
const ROUTES = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, route]) => ({
    method: method.toUpperCase(),
    path,
    id: route.operationId,
    access: route['x-slipway-access'],
  })),
);

const PASSWORD = 'correct horse battery staple';
/** Stands in everything the first organisation has, so that it is seen when it leaks. */
const NAME = 'secret-shop';
const IMAGE = { reference: 'registry.example/shop:v1', digest: `sha256:${'a'.repeat(64)}` };

let directory: TempDir;
let server: FleetServer;
let device: TestDevice;
const secrets = { admin: '', narrow: '', other: '', csrf: '' };

beforeAll(async () => {
  directory = await makeTempDir('fleet-access');
  server = await serveFleet({ root: directory.path, port: 0, firstPassword: PASSWORD, log: failuresLog });
  const open = clientOf(server.url, server.authority);
  const session = await open.call('sessions.create', { body: { user: 'admin', password: PASSWORD } });
  Object.assign(secrets, { admin: session.secret, csrf: session.csrfToken });
  const admin = clientOf(server.url, server.authority, session.secret);
  const header = { apiVersion: 'slipway/v1', metadata: { name: NAME } } as const;
  const params = { name: NAME };
  await admin.call('releases.put', {
    params,
    body: {
      ...header,
      kind: 'Release',
      spec: {
        version: '1',
        images: [{ architecture: 'amd64', reference: IMAGE.reference, digests: [IMAGE.digest] }],
      },
    },
  });
  await admin.call('policies.put', { params, body: { ...header, kind: 'Policy', spec: {} } });
  await admin.call('fleets.put', {
    params,
    body: { ...header, kind: 'Fleet', spec: { selector: '', release: NAME } },
  });
  await admin.call('roles.put', {
    params,
    body: { ...header, kind: 'Role', spec: { permissions: [NARROW] } },
  });
  await admin.call('users.put', {
    params,
    body: { ...header, kind: 'User', spec: { grants: [{ role: 'viewer' }] } },
  });
  const { secret } = await admin.call('enrolmentTokens.create', { body: { name: NAME, fleet: NAME } });
  device = await TestDevice.enrol(server.url, server.authority, secret, IMAGE);
  secrets.narrow = (
    await admin.call('tokens.create', { body: { name: NAME, grants: [{ role: NAME }] } })
  ).secret;
  await admin.call('organisations.put', {
    params: { name: 'other' },
    body: { ...header, metadata: { name: 'other' }, kind: 'Organisation', spec: {} },
  });
  const abroad = clientOf(server.url, server.authority, session.secret, { 'slipway-organisation': 'other' });
  await abroad.call('users.put', {
    params: { name: 'boss' },
    body: {
      ...header,
      metadata: { name: 'boss' },
      kind: 'User',
      spec: { grants: [{ role: 'admin' }], password: PASSWORD },
    },
  });
  secrets.other = (
    await open.call('sessions.create', { body: { user: 'boss', password: PASSWORD, organisation: 'other' } })
  ).secret;
}, 300_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

interface Asked {
  readonly status: number;
  readonly code: string;
  readonly text: string;
}

async function ask(
  { method, path }: { readonly method: string; readonly path: string },
  headers: Readonly<Record<string, string>>,
  {
    name = NAME,
    body = '{}',
    certificate = false,
  }: { readonly name?: string; readonly body?: string; readonly certificate?: boolean } = {},
): Promise<Asked> {
  const transport = httpsTransport({
    authority: server.authority,
    ...(certificate ? { certificate: device.certificate } : {}),
  });
  const hasBody = method !== 'GET' && method !== 'DELETE';
  const response = await transport({
    method,
    url: server.url + path.replace(/\{[a-z]+\}/g, name),
    headers: { ...headers, ...(hasBody ? { 'content-type': 'application/json' } : {}) },
    body: hasBody ? body : undefined,
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  const { code = '' } = text.startsWith('{') ? (JSON.parse(text) as { readonly code?: string }) : {};
  return { status: response.status, code, text };
}

const bearer = (secret: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${secret}` });
const guarded = ROUTES.filter(({ access }) => access.kind !== 'public');
const permitted = ROUTES.filter(({ access }) => access.kind === 'permission');
/** The one permission of the narrow token. */
const NARROW = 'operations:read';
const beyond = permitted.filter(({ access }) => access.kind === 'permission' && access.permission !== NARROW);
/** Events never end; that they are of one organisation is tested with them. */
const answering = permitted.filter(({ id }) => id !== 'events.watch');
const changing = permitted.filter(({ method }) => method !== 'GET');

test('only login, enrolment and health are open', () => {
  const open = ROUTES.filter(({ access }) => access.kind === 'public').map(({ path }) => path);
  expect(
    open.every((path) => /^\/(healthz|readyz|api\/v1\/(sessions|login|login-methods|enrol)\b)/.test(path)),
  ).toBe(true);
});

describe.each(guarded)('$id', (route) => {
  test('is nothing for nobody, for a token that was made up, or for an ended session', async () => {
    expect(await ask(route, {})).toMatchObject({ status: 401, code: 'FLEET_UNAUTHENTICATED' });
    const forged = `slipway_token_${'A'.repeat(43)}`;
    expect(await ask(route, bearer(forged))).toMatchObject({ status: 401 });
    expect(await ask(route, { cookie: `slipway_session=${forged}` })).toMatchObject({ status: 401 });
  });

  test('is not for who shows the other kind of identity', async () => {
    const isDevice = route.access.kind === 'device';
    expect(await ask(route, isDevice ? bearer(secrets.admin) : {}, { certificate: !isDevice })).toMatchObject(
      { status: 401 },
    );
  });
});

describe.each(beyond)('$id', (route) => {
  test('is refused without its permission', async () => {
    expect(await ask(route, bearer(secrets.narrow))).toMatchObject({ status: 403, code: 'FLEET_FORBIDDEN' });
  });
});

describe.each(answering)('$id', (route) => {
  test('shows and changes nothing of another organisation', async () => {
    const name =
      route.path.startsWith('/api/v1/devices') || route.path.startsWith('/api/v1/enrolments')
        ? device.name
        : NAME;
    const answer = await ask(route, bearer(secrets.other), { name });
    expect(answer.text.includes(`"${NAME}"`), answer.text).toBe(false);
    if (route.path.includes('{')) expect([403, 404, 422]).toContain(answer.status);
    const abroad = await ask(
      route,
      { ...bearer(secrets.other), 'slipway-organisation': 'default' },
      { name },
    );
    expect(abroad).toMatchObject({ status: 403, code: 'FLEET_FORBIDDEN' });
  });
});

describe.each(changing)('$id', (route) => {
  test('takes no change from the page of somebody else', async () => {
    const cookie = { cookie: `slipway_session=${secrets.admin}` };
    expect(await ask(route, cookie)).toMatchObject({ status: 403 });
    expect(await ask(route, { ...cookie, 'slipway-csrf': 'made up' })).toMatchObject({ status: 403 });
  });
});

test('all of it is still there after that, and the device still has its identity', async () => {
  const admin = clientOf(server.url, server.authority, secrets.admin);
  expect((await admin.call('fleets.get', { params: { name: NAME } })).metadata.revision).toBe(1);
  await device.checkIn();
  expect(await admin.call('audit.verify', {})).toMatchObject({ intact: true });
});

test('requests that are none are told so', async () => {
  const admin = bearer(secrets.admin);
  const fleets = { method: 'PUT', path: `/api/v1/fleets/${NAME}` };
  expect(await ask(fleets, admin, { body: '{"apiVersion":' })).toMatchObject({
    status: 400,
    code: 'FLEET_BODY_INVALID',
  });
  expect(await ask(fleets, admin, { body: JSON.stringify({ x: 'y'.repeat(3 * 2 ** 20) }) })).toMatchObject({
    status: 413,
  });
  expect(await ask(fleets, admin, { body: '{"__proto__":{"a":1}}' })).toMatchObject({ status: 400 });
  expect(await ask({ method: 'GET', path: '/api/v1/nothing' }, admin)).toMatchObject({ status: 404 });
  expect(await ask({ method: 'GET', path: '/..%2f..%2fetc/passwd' }, admin)).toMatchObject({ status: 404 });
});

test('guesses of a password come to an end', async () => {
  const login = { method: 'POST', path: '/api/v1/sessions' };
  const statuses: number[] = [];
  for (let guess = 0; guess < 12; guess += 1) {
    statuses.push(
      (await ask(login, {}, { body: JSON.stringify({ user: 'nobody', password: `guess ${guess}` }) })).status,
    );
  }
  expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
  expect(statuses.slice(10)).toEqual([429, 429]);
});
