import { hash } from 'node:crypto';
import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import type { FleetClient, Permission } from '@slipway/fleet-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FleetServer } from '../server/serve-fleet.ts';
import { askRaw, type RawAnswer } from '../testing/compat-client.ts';
import { PASSWORD, startServer } from '../testing/running-server.ts';
import { clientOf } from '../testing/test-client.ts';
import { until } from '../testing/until.ts';

const digestOf = (text: string): string => `sha256:${hash('sha256', text, 'hex')}`;
const CONFIG = '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}';
const TYPE = 'application/vnd.oci.image.manifest.v1+json';
const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: TYPE,
  config: {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: digestOf(CONFIG),
    size: CONFIG.length,
  },
  layers: [],
});

let directory: TempDir;
let server: FleetServer;
let admin: FleetClient;

beforeAll(async () => {
  directory = await makeTempDir('fleet-registry');
  const options = { root: directory.path, registryRoot: join(directory.path, 'registry') };
  ({ server, admin } = await startServer(options));
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

let tokens = 0;

/** A token with some permissions, of one fleet or of all. */
async function token(permissions: readonly Permission[], fleets?: readonly string[]): Promise<string> {
  tokens += 1;
  const name = `client-${tokens}`;
  const role = { apiVersion: 'slipway/v1', kind: 'Role', metadata: { name }, spec: { permissions } } as const;
  await admin.call('roles.put', { params: { name }, body: role });
  const grants = [{ role: name, ...(fleets === undefined ? {} : { fleets }) }];
  return (await admin.call('tokens.create', { body: { name, grants } })).secret;
}

interface Asked {
  readonly type?: string;
  readonly body?: string;
}

async function ask(
  secret: string | undefined,
  method: string,
  path: string,
  { type, body }: Asked = {},
): Promise<RawAnswer> {
  const headers = {
    ...(secret === undefined ? {} : { authorization: `Basic ${btoa(`anybody:${secret}`)}` }),
    ...(type === undefined ? {} : { 'content-type': type }),
  };
  return await askRaw(server, method, path, headers, body);
}

async function push(secret: string, repository: string): Promise<readonly number[]> {
  const blobs = `/v2/${repository}/blobs/uploads/?digest=${digestOf(CONFIG)}`;
  const blob = await ask(secret, 'POST', blobs, { type: 'application/octet-stream', body: CONFIG });
  const manifests = `/v2/${repository}/manifests/v1`;
  const manifest = await ask(secret, 'PUT', manifests, { type: TYPE, body: MANIFEST });
  return [blob.status, manifest.status];
}

test('who has a token pushes and pulls as far as it goes, beside the API, and it is written down', async () => {
  const pusher = await token(['registry:pull', 'registry:push']);
  expect(await push(pusher, 'default/shop')).toEqual([201, 201]);
  const puller = await token(['registry:pull'], ['shops']);
  expect(await ask(puller, 'GET', '/v2/')).toMatchObject({ status: 200 });
  expect(await ask(puller, 'GET', '/v2/default/shop/manifests/v1')).toMatchObject({
    status: 200,
    type: TYPE,
    text: MANIFEST,
  });
  expect(await push(puller, 'default/shop')).toEqual([403, 403]);
  expect((await ask(puller, 'DELETE', '/v2/default/shop/manifests/v1')).status).toBe(403);
  expect(await push(await token(['registry:push'], ['shops']), 'default/shop')).toEqual([403, 403]);
  expect((await ask(await token(['fleets:read']), 'GET', '/v2/')).status).toBe(403);
  expect((await admin.call('fleets.list', {})).items).toEqual([]);
  const { items } = await until(
    async () => await admin.call('audit.list', { query: { limit: 1000 } }),
    (page) => page.items.some(({ action }) => action === 'registry.push'),
  );
  expect(items.filter(({ action }) => action === 'registry.push')).toMatchObject([
    { actor: 'token:client-1', target: 'Image/default/shop:v1', outcome: 'done' },
  ]);
  expect(await admin.call('audit.verify', {})).toMatchObject({ intact: true });
});

test('nobody gets in without a token, and no path leads around', async () => {
  const forged = `slipway_token_${'A'.repeat(43)}`;
  for (const secret of [undefined, forged, PASSWORD, '']) {
    for (const path of ['/v2/', '/v2', '/v2/_catalog', '/v2/default/shop/manifests/v1', '/v2/token'])
      expect([401, 404]).toContain((await ask(secret, 'GET', path)).status);
    expect((await ask(secret, 'POST', '/v2/default/shop/blobs/uploads/')).status).toBe(401);
  }
  const pusher = await token(['registry:pull', 'registry:push']);
  for (const path of [
    '/v2/default/../../fleet.db/manifests/v1',
    '/v2/default/%2e%2e/%2e%2e/manifests/v1',
    '/v2/..%2f..%2fetc/passwd/blobs/x',
  ]) {
    expect([400, 403, 404]).toContain((await ask(pusher, 'GET', path)).status);
  }
});

test('organisations do not reach the images of each other, not by a mount either', async () => {
  const name = 'other';
  const header = { apiVersion: 'slipway/v1', metadata: { name } } as const;
  await admin.call('organisations.put', {
    params: { name },
    body: { ...header, kind: 'Organisation', spec: {} },
  });
  const pusher = await token(['registry:pull', 'registry:push']);
  expect(await push(pusher, 'default/secret')).toEqual([201, 201]);
  const login = { user: 'admin', password: PASSWORD };
  const { secret } = await clientOf(server.url, server.authority).call('sessions.create', { body: login });
  const abroad = clientOf(server.url, server.authority, secret, { 'slipway-organisation': name });
  const spec = { grants: [{ role: 'admin' }], password: PASSWORD };
  await abroad.call('users.put', {
    params: { name: 'boss' },
    body: { apiVersion: 'slipway/v1', kind: 'User', metadata: { name: 'boss' }, spec },
  });
  const { secret: boss } = await clientOf(server.url, server.authority).call('sessions.create', {
    body: { user: 'boss', password: PASSWORD, organisation: name },
  });
  for (const path of ['/v2/default/secret/manifests/v1', '/v2/default/secret/tags/list', '/v2/_catalog'])
    expect((await ask(boss, 'GET', path)).status).toBe(403);
  expect(await push(boss, 'default/secret')).toEqual([403, 403]);
  const mount = `/v2/other/mine/blobs/uploads/?mount=${digestOf(CONFIG)}`;
  for (const from of ['', '&from=default/secret', '&from=other/none'])
    expect((await ask(boss, 'POST', mount + from)).status).toBe(202);
  expect(await push(boss, 'other/mine')).toEqual([201, 201]);
  expect((await ask(boss, 'POST', `${mount.replace('mine', 'too')}&from=other/mine`)).status).toBe(201);
});
