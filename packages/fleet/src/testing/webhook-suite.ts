import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@slipway/core';
import { type FleetEvent, type Webhook, type WebhookSpec, webhookDeliverySchema } from '@slipway/fleet-api';
import { describe, expect, test } from 'vitest';
import { Authority } from '../authority/authority.ts';
import { openDatabase } from '../database/database.ts';
import { HEADER, START_MS } from './compat-server.ts';
import type { Place } from './places.ts';
import { PASSWORD, type RunningServer, startServer } from './running-server.ts';
import { clientOf } from './test-client.ts';
import { until } from './until.ts';

const PATIENCE_MS = 300_000;
const HOUR_MS = 3_600_000;
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

interface Delivery {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
  readonly body: string;
}

/** Somebody who is told, and what they were told. */
interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly authority: string;
  readonly deliveries: Delivery[];
  status: number;
}

async function startReceiver(place: Place): Promise<Receiver> {
  await using database = await openDatabase(await place());
  const authority = await Authority.open(database, systemClock);
  const { certificate, key } = await authority.issueServer(['127.0.0.1'], HOUR_MS);
  const deliveries: Delivery[] = [];
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const header = (name: string): string => String(request.headers[`webhook-${name}`]);
      deliveries.push({
        id: header('id'),
        timestamp: header('timestamp'),
        signature: header('signature'),
        body: Buffer.concat(chunks).toString('utf8'),
      });
      response.writeHead(receiver.status, { location: 'https://127.0.0.1:1/' }).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `https://127.0.0.1:${port}/hook?who=slipway`,
    authority: authority.certificate,
    deliveries,
    status: 204,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

interface Running extends RunningServer {
  readonly clock: { ms: number };
}

async function start(place: Place, allowedNetworks: readonly string[]): Promise<Running> {
  const clock = { ms: START_MS, nowMs: () => clock.ms };
  return { ...(await startServer({ database: await place(), allowedNetworks, clock })), clock };
}

async function putFleet({ admin }: Running, name: string): Promise<void> {
  const body = { ...HEADER, kind: 'Fleet', metadata: { name }, spec: { selector: `name=${name}` } } as const;
  await admin.call('fleets.put', { params: { name }, body });
}

async function putHook({ admin }: Running, spec: WebhookSpec): Promise<Webhook> {
  const body = { ...HEADER, kind: 'Webhook', metadata: { name: 'chat' }, spec } as const;
  return await admin.call('webhooks.put', { params: { name: 'chat' }, body });
}

async function hookOf({ admin }: Running): Promise<Webhook> {
  return await admin.call('webhooks.get', { params: { name: 'chat' } });
}

function eventsOf(deliveries: readonly Delivery[]): readonly FleetEvent[] {
  return deliveries.flatMap(({ body }) => webhookDeliverySchema.parse(JSON.parse(body)).events);
}

/** How webhooks are told of events, whatever database the server has. */
export function webhookSuite(kind: string, place: Place): void {
  describe(`webhooks on ${kind}`, { timeout: PATIENCE_MS }, () => {
    test('are told of what happens, signed, and told again until they answer well', async () => {
      await using receiver = await startReceiver(place);
      await using running = await start(place, ['127.0.0.0/8']);
      const { admin, clock } = running;
      await putFleet(running, 'before');
      const spec = { url: receiver.url, kinds: ['Fleet'], caCertificate: receiver.authority };
      await expect(putHook(running, spec)).rejects.toMatchObject({ problem: { status: 422 } });
      const made = await putHook(running, { ...spec, secret: SECRET });
      expect(JSON.stringify(made)).not.toContain('whsec');
      await putFleet(running, 'one');
      await until(
        async () => await hookOf(running),
        ({ status }) => status.lastDeliveredAt !== null,
      );
      expect(eventsOf(receiver.deliveries).map(({ kind: each, name }) => [each, name])).toEqual([
        ['Fleet', 'one'],
      ]);
      const [first] = receiver.deliveries;
      const signed = `${first?.id}.${first?.timestamp}.${first?.body}`;
      const expected = createHmac('sha256', Buffer.alloc(32, 7)).update(signed).digest('base64');
      expect(first?.signature).toBe(`v1,${expected}`);
      expect(first?.timestamp).toBe(String(Math.floor(clock.ms / 1000)));

      receiver.status = 500;
      await putFleet(running, 'two');
      const failing = await until(
        async () => await hookOf(running),
        ({ status }) => status.failures === 1,
      );
      expect(failing.status.reason).toBe('the receiver answered with 500');
      expect(Date.parse(failing.status.nextTryAt ?? '')).toBe(clock.ms + 5000);
      // Elsewhere is no answer, and nobody goes there.
      receiver.status = 307;
      clock.ms += 5000;
      const redirected = await until(
        async () => await hookOf(running),
        ({ status }) => status.failures === 2,
      );
      expect(redirected.status.reason).toBe('the receiver answered with 307');
      await putFleet(running, 'three');
      receiver.status = 204;
      clock.ms += 10_000;
      await until(
        async () => await hookOf(running),
        ({ status }) => status.failures === 0,
      );
      const names = eventsOf(receiver.deliveries).map(({ name }) => name);
      expect(names).toEqual(['one', 'two', 'two', 'two', 'three']);
      expect(receiver.deliveries[1]?.id).toBe(receiver.deliveries[2]?.id);
      await admin.call('webhooks.delete', { params: { name: 'chat' } });
    });

    test('go nowhere they must not, and hear of their own fleets and organisation alone', async () => {
      await using receiver = await startReceiver(place);
      {
        await using running = await start(place, []);
        await putHook(running, { url: receiver.url, kinds: ['Fleet'], secret: SECRET });
        await putFleet(running, 'one');
        const { status } = await until(
          async () => await hookOf(running),
          (hook) => hook.status.failures === 1,
        );
        expect(status.reason).toMatch(/^cannot go to that URL/);
        for (const url of ['http://1.1.1.1/', 'https://a:b@1.1.1.1/', 'file:///etc/passwd'])
          await expect(putHook(running, { url })).rejects.toMatchObject({ problem: { status: 422 } });
      }
      await using running = await start(place, ['127.0.0.0/8']);
      const { server, admin } = running;
      const more = { caCertificate: receiver.authority, secret: SECRET };
      await putHook(running, { url: receiver.url, kinds: ['Fleet'], fleets: ['mine'], ...more });
      const name = 'other';
      const body = { ...HEADER, kind: 'Organisation', metadata: { name }, spec: {} } as const;
      await admin.call('organisations.put', { params: { name }, body });
      const { secret } = await clientOf(server.url, server.authority).call('sessions.create', {
        body: { user: 'admin', password: PASSWORD },
      });
      const abroad = clientOf(server.url, server.authority, secret, { 'slipway-organisation': name });
      await putFleet({ ...running, admin: abroad }, 'mine');
      await putFleet(running, 'yours');
      await putFleet(running, 'mine');
      await until(
        async () => await hookOf(running),
        ({ status }) => status.lastDeliveredAt !== null,
      );
      expect(
        receiver.deliveries.map((each) => webhookDeliverySchema.parse(JSON.parse(each.body))),
      ).toMatchObject([{ webhook: 'chat', organisation: 'default', events: [{ name: 'mine' }] }]);
    });
  });
}
