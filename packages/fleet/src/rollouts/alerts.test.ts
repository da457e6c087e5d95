import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLog } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OutboundGuard } from '../outbound/outbound-guard.ts';
import { firingAlerts } from './alerts.ts';

/** As Prometheus and Alertmanager document them. */
const ANSWERS: Readonly<Record<string, { readonly status?: number; readonly body: string }>> = {
  '/api/v1/alerts': {
    body: JSON.stringify({
      status: 'success',
      data: {
        alerts: [
          { labels: { alertname: 'ErrorsRise', severity: 'page' }, state: 'firing', value: '1e+00' },
          { labels: { alertname: 'DiskFills' }, state: 'pending' },
        ],
      },
    }),
  },
  '/api/v2/alerts': {
    body: JSON.stringify([
      { labels: { alertname: 'ErrorsRise' }, status: { state: 'active', silencedBy: [], inhibitedBy: [] } },
      { labels: { alertname: 'DiskFills' }, status: { state: 'suppressed', silencedBy: ['a'] } },
    ]),
  },
  '/none': { body: '[]' },
  '/failing': { status: 503, body: '[]' },
  '/elsewhere': { status: 302, body: '' },
  '/text': { body: '<html>' },
  '/other': { body: '{"data":{}}' },
  '/long': { body: `[${' '.repeat(5 * 2 ** 20)}]` },
};
const SHUT = ['alerts cannot be read'];

let server: Server;
let base: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const { status = 200, body } = ANSWERS[request.url ?? ''] ?? { status: 404, body: '' };
    response.writeHead(status, status === 302 ? { location: '/none' } : {}).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function asked(path: string, options: { filter?: string; allowed?: readonly string[] } = {}) {
  const { filter, allowed = ['127.0.0.0/8'] } = options;
  const gate = { url: `${base}${path}`, ...(filter === undefined ? {} : { filter }) };
  const services = {
    outbound: new OutboundGuard(allowed),
    ending: new AbortController().signal,
    log: silentLog,
  };
  return await firingAlerts(gate, services);
}

test.each([
  ['/api/v1/alerts', ['ErrorsRise']],
  ['/api/v2/alerts', ['ErrorsRise']],
  ['/none', []],
])('%s: %j fire', async (path, names) => {
  expect(await asked(path)).toEqual(names);
});

test.each(['/failing', '/elsewhere', '/text', '/other', '/long', '/not-there'])(
  'a gate that cannot be asked is shut: %s',
  async (path) => {
    expect(await asked(path)).toEqual(SHUT);
  },
);

test('shut it is for the alert it waits for', async () => {
  expect(await asked('/failing', { filter: 'ErrorsRise' })).toEqual(['ErrorsRise']);
});

test('the network of the server is not asked unless it was allowed', async () => {
  expect(await asked('/none', { allowed: [] })).toEqual(SHUT);
});

test('no gate, no question', async () => {
  const services = { outbound: new OutboundGuard(), ending: new AbortController().signal, log: silentLog };
  expect(await firingAlerts(undefined, services)).toEqual([]);
});
