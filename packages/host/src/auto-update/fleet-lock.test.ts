/** The protocol of FleetLock against a server that speaks it, over real connections. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { isSlipwayError } from '@slipway/core';
import { expect, test } from 'vitest';
import { pathExists } from '../directory.ts';
import { installed } from '../testing/scenario.ts';
import { hostDir, type TestHost } from '../testing/test-host.ts';
import { fleetLockId, reportSteady, requestReboot } from './fleet-lock.ts';

interface Asked {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** A semaphore of one slot, as airlock has for a group. */
async function startServer(): Promise<AsyncDisposable & { readonly url: string; readonly asked: Asked[] }> {
  const asked: Asked[] = [];
  let holder: string | undefined;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as { client_params: { id: string } };
    asked.push({ url: request.url ?? '', headers: request.headers, body });
    const { id } = body.client_params;
    if (request.url?.endsWith('/v1/steady-state') === true) {
      if (holder === id) holder = undefined;
      response.end();
      return;
    }
    holder ??= id;
    response.statusCode = holder === id ? 200 : 500;
    response.end(holder === id ? '' : JSON.stringify({ kind: 'failed_lock', value: 'all slots are taken' }));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/lock/`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function hostOf(directory: string, machineId: string): Promise<TestHost> {
  await mkdir(directory, { recursive: true });
  const host = await installed(directory);
  await writeFile(join(host.etc, 'machine-id'), `${machineId}\n`);
  return host;
}

test('one host of a group reboots, the other waits until that one is steady', async () => {
  await using dir = await hostDir('fleet-lock');
  await using server = await startServer();
  const lock = { url: server.url, group: 'shops' };
  const one = await hostOf(join(dir.path, 'one'), '0123456789abcdef0123456789abcdef');
  const other = await hostOf(join(dir.path, 'other'), 'fedcba9876543210fedcba9876543210');
  expect(await reportSteady(one)).toBeUndefined();
  expect(await requestReboot(one, lock)).toEqual({ granted: true });
  expect(await requestReboot(one, lock)).toEqual({ granted: true });
  expect(await requestReboot(other, lock)).toEqual({ granted: false, because: 'all slots are taken' });
  expect(await reportSteady(one)).toEqual({ granted: true });
  expect(await pathExists(one.layout.fleetLock)).toBe(false);
  expect(await requestReboot(other, lock)).toEqual({ granted: true });
  const [first] = server.asked;
  expect(first).toMatchObject({
    url: '/lock/v1/pre-reboot',
    headers: { 'fleet-lock-protocol': 'true' },
    body: { client_params: { id: await fleetLockId(one), group: 'shops' } },
  });
});

test('the id is that of systemd for this application', async () => {
  await using dir = await hostDir('fleet-lock');
  const host = await hostOf(join(dir.path, 'one'), '0123456789abcdef0123456789abcdef');
  const id = await fleetLockId(host);
  expect(id).toMatch(/^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
  expect(id).not.toContain('0123456789abcdef');
});

test('a server that is not there keeps the note, so that it is told later', async () => {
  await using dir = await hostDir('fleet-lock');
  const host = await hostOf(join(dir.path, 'one'), '0123456789abcdef0123456789abcdef');
  const gone = await startServer();
  await gone[Symbol.asyncDispose]();
  const thrown: unknown = await requestReboot(host, { url: gone.url, group: 'default' }).catch(
    (error: unknown) => error,
  );
  expect(isSlipwayError(thrown, 'FLEET_LOCK_FAILED')).toBe(true);
  expect(await pathExists(host.layout.fleetLock)).toBe(true);
});
