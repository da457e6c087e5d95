import type { FleetInput, PolicySpec, ReleaseInput, Rollout } from '@slipway/fleet-api';
import { describe, expect, test } from 'vitest';
import type { Place } from './places.ts';
import { type RunningServer, startServer } from './running-server.ts';
import { clientOf, deviceClientOf } from './test-client.ts';
import { newHostKey, TestDevice } from './test-device.ts';
import { until } from './until.ts';

const PATIENCE_MS = 300_000;

async function start(place: Place): Promise<RunningServer> {
  return await startServer({ database: await place(), stepRolloutsMs: 50 });
}

function digest(letter: string): string {
  return `sha256:${letter.repeat(64)}`;
}

function release(name: string, letter: string): ReleaseInput {
  const images = [
    {
      architecture: 'amd64',
      reference: `registry.example/shop:${name}`,
      digests: [digest(letter)] as [string],
    },
  ];
  return { apiVersion: 'slipway/v1', kind: 'Release', metadata: { name }, spec: { version: name, images } };
}

function fleet(spec: FleetInput['spec'], name = 'shops'): FleetInput {
  return { apiVersion: 'slipway/v1', kind: 'Fleet', metadata: { name }, spec };
}

const V1 = { reference: 'registry.example/shop:v1', digest: digest('a') };
const CANARY: PolicySpec = {
  batches: [{ name: 'canary', selector: 'stage=canary' }],
  errorThreshold: { count: 1, action: 'halt' },
  stableSeconds: 0,
};

/** What a server does, whatever database it has. */
export function serverSuite(kind: string, place: Place): void {
  describe(`a server on ${kind}`, { timeout: PATIENCE_MS }, () => {
    test('takes a host from the lobby to a device, and withdraws its identity', async () => {
      await using running = await start(place);
      const { server, admin } = running;
      const { csr, keyPem } = await newHostKey();
      const host = clientOf(server.url, server.authority);
      const asked = await host.call('enrol.ask', {
        body: { csr, hostname: 'shop-1', labels: { site: 'berlin' } },
      });
      expect(asked).toMatchObject({ state: 'pending', certificate: null });
      expect(await host.call('enrol.ask', { body: { csr } })).toEqual(asked);
      const { items } = await admin.call('enrolments.list', {});
      expect(items.map(({ spec }) => spec.hostname)).toEqual(['shop-1']);
      await admin.call('enrolments.approve', {
        params: { name: asked.name },
        body: { labels: { stage: 'canary' } },
      });
      const approved = await host.call('enrol.poll', { params: { name: asked.name } });
      const device = new TestDevice(
        asked.name,
        { cert: approved.certificate ?? '', key: keyPem },
        deviceClientOf(server.url, server.authority, { cert: approved.certificate ?? '', key: keyPem }),
        V1,
        [],
      );
      await device.checkIn();
      const seen = await admin.call('devices.get', { params: { name: asked.name } });
      expect(seen).toMatchObject({
        metadata: { labels: { site: 'berlin', stage: 'canary' } },
        status: {
          connection: { state: 'online' },
          report: { facts: { kernel: '6.12' } },
          update: { state: 'up-to-date', whyNotUpToDate: null },
        },
      });
      await admin.call('devices.decommission', { params: { name: asked.name }, body: { reason: 'sold' } });
      await device.checkIn();
      expect(device.desired).toMatchObject({ decommission: true });
      await expect(device.client.call('device.renew', { body: { csr } })).rejects.toMatchObject({
        problem: { code: 'FLEET_UNAUTHENTICATED' },
      });
    });

    test('a canary that fails halts the rollout; the fixed release rolls out; a rollback brings everybody back', async () => {
      await using running = await start(place);
      const { server, admin } = running;
      for (const each of [release('v1', 'a'), release('v2', 'b'), release('v3', 'c')]) {
        await admin.call('releases.put', { params: { name: each.metadata.name }, body: each });
      }
      await admin.call('fleets.put', {
        params: { name: 'shops' },
        body: fleet({ selector: 'kind=shop', policy: CANARY }),
      });
      const devices: TestDevice[] = [];
      for (const stage of ['canary', 'wide', 'wide']) {
        const body = { name: `token-${devices.length}`, labels: { kind: 'shop', stage } };
        const { secret } = await admin.call('enrolmentTokens.create', { body });
        devices.push(await TestDevice.enrol(server.url, server.authority, secret, V1, [digest('b')]));
      }
      const [canary] = devices;
      const round = async (name: string): Promise<Rollout> => {
        for (const device of devices) await device.checkIn();
        return await admin.call('rollouts.get', { params: { name } });
      };

      const plan = await admin.call('rollouts.plan', { body: { fleet: 'shops', release: 'v2' } });
      expect(plan.batches.map(({ name, devices: count }) => [name, count])).toEqual([
        ['canary', 1],
        ['rest', 2],
      ]);
      expect(plan.batches[0]?.first).toEqual([canary?.name]);

      await admin.call('fleets.put', {
        params: { name: 'shops' },
        body: fleet({ selector: 'kind=shop', policy: CANARY, release: 'v2' }),
      });
      const halted = await until(
        async () => await round('shops-1'),
        ({ status }) => status.state === 'halted',
      );
      expect(halted.status.counts).toMatchObject({ total: 3, failed: 1, succeeded: 0, updating: 0 });
      expect(devices.map(({ booted }) => booted.digest)).toEqual([digest('a'), digest('a'), digest('a')]);
      const failed = await admin.call('devices.get', { params: { name: canary?.name ?? '' } });
      expect(failed.status.update).toMatchObject({ state: 'failed', denied: [digest('b')] });
      expect(failed.status.update.whyNotUpToDate).toContain('shop-answers');
      const other = await admin.call('devices.get', { params: { name: devices[1]?.name ?? '' } });
      expect(other.status.update.whyNotUpToDate).toMatch(/halted|denied/);

      await admin.call('rollouts.create', {
        body: {
          apiVersion: 'slipway/v1',
          kind: 'Rollout',
          metadata: { name: 'fixed' },
          spec: { fleet: 'shops', release: 'v3' },
        },
      });
      const done = await until(
        async () => await round('fixed'),
        ({ status }) => status.state === 'succeeded',
      );
      expect(done.status.counts).toMatchObject({ total: 3, succeeded: 3 });
      expect(devices.map(({ booted }) => booted.digest)).toEqual([digest('c'), digest('c'), digest('c')]);
      expect((await admin.call('rollouts.get', { params: { name: 'shops-1' } })).status.state).toBe(
        'superseded',
      );

      await admin.call('rollouts.rollback', {
        params: { name: 'fixed' },
        body: { reason: 'shops are slow' },
      });
      await until(
        async () => await round('fixed'),
        ({ status }) => status.state === 'rolled-back',
      );
      expect(devices.map(({ booted }) => booted.digest)).toEqual([digest('a'), digest('a'), digest('a')]);
      // Not the release that halted: nothing was wanted before that one.
      const { spec } = await admin.call('fleets.get', { params: { name: 'shops' } });
      expect(spec.release).toBeUndefined();

      const actions = (await admin.call('audit.list', { query: { limit: 1000 } })).items.map(
        ({ action }) => action,
      );
      for (const action of [
        'fleets.put',
        'rollout.halted',
        'rollouts.create',
        'rollouts.rollback',
        'rollout.rolled-back',
      ]) {
        expect(actions).toContain(action);
      }
      expect(await admin.call('audit.verify', {})).toMatchObject({ intact: true, brokenAt: null });
    });

    test('changes name what they change, are made once, and can be tried', async () => {
      await using running = await start(place);
      const { admin } = running;
      const params = { name: 'shops' };
      const dry = await admin.call('fleets.put', {
        params,
        query: { dryRun: 'true' },
        body: fleet({ selector: '' }),
      });
      expect(dry.metadata.revision).toBe(1);
      await expect(admin.call('fleets.get', { params })).rejects.toMatchObject({
        problem: { code: 'FLEET_NOT_FOUND', status: 404 },
      });
      await admin.call('fleets.put', { params, body: fleet({ selector: '' }), ifNoneMatch: '*' });
      const first = await admin.ask('fleets.get', { params });
      await admin.call('fleets.put', { params, body: fleet({ selector: 'a=b' }), ifMatch: first.etag ?? '' });
      const late = admin.call('fleets.put', {
        params,
        body: fleet({ selector: 'c=d' }),
        ifMatch: first.etag ?? '',
      });
      await expect(late).rejects.toMatchObject({ problem: { code: 'FLEET_CHANGED', status: 412 } });
      const known = await admin.ask('fleets.get', { params });
      const again = admin.ask('enrolmentTokens.create', { body: { name: 'a' }, idempotencyKey: 'k' });
      expect((await again).body).toEqual(
        (await admin.ask('enrolmentTokens.create', { body: { name: 'a' }, idempotencyKey: 'k' })).body,
      );
      const other = admin.call('enrolmentTokens.create', { body: { name: 'b' }, idempotencyKey: 'k' });
      await expect(other).rejects.toMatchObject({ problem: { code: 'FLEET_CONFLICT' } });
      expect(known.body.spec.selector).toBe('a=b');
    });
  });
}
