import type { PolicySpec } from '@slipway/fleet-api';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../database/database.ts';
import { type CompatServer, startCompatServer } from './compat-server.ts';
import { ask, NEW, NO_UPDATE, OLD, putRelease, question } from './omaha-machine.ts';
import type { Place } from './places.ts';
import { clientOf } from './test-client.ts';
import { newHostKey } from './test-device.ts';
import { until } from './until.ts';

const PATIENCE_MS = 300_000;
const MINUTE_MS = 60_000;
const PAYLOAD = {
  url: 'https://host/updates/update.gz',
  sizeBytes: 1,
  sha1: 'a'.repeat(40),
  sha256: `sha256:${'b'.repeat(64)}`,
};
const UPDATE = `<manifest version="${NEW}">`;
const CAREFUL: PolicySpec = {
  maxConcurrent: { count: 1 },
  errorThreshold: { count: 1, action: 'halt' },
  stableSeconds: 60,
};
/** Events of update_engine, as attributes. */
const DOWNLOADING = 'eventtype="13" eventresult="1"';
const INSTALLED = 'eventtype="3" eventresult="1"';
const UPDATED = `eventtype="3" eventresult="2" previousversion="${OLD}"`;
const ROLLED_BACK = 'eventtype="3" eventresult="0" errorcode="44"';
const FAILED = 'eventtype="3" eventresult="0" errorcode="15"';
const UNREACHED = 'eventtype="3" eventresult="0" errorcode="2503"';

/** Devices without an agent that reports images: what they run is known by their clients. */
interface ClientFleet {
  readonly running: CompatServer;
  readonly token: string;
  /** By what their clients call them. */
  readonly devices: ReadonlyMap<string, string>;
  readonly say: (machine: string, version: string, event?: string) => Promise<string>;
  /** The machine the rollout lets go. */
  readonly told: (machines?: readonly string[]) => Promise<string>;
  readonly rollout: () => Promise<{
    readonly state: string;
    readonly reason: string | null;
    readonly why: (machine: string) => string;
  }>;
}

async function startClients(running: CompatServer, machines: readonly string[]): Promise<ClientFleet> {
  const { admin, server, clock } = running;
  await putRelease(running, OLD, 1, PAYLOAD);
  await putRelease(running, NEW, 2, PAYLOAD);
  await running.putFleet('edge', { selector: '', release: 'flatcar-1' });
  const devices = new Map<string, string>();
  for (const machine of machines) {
    const body = { name: machine, fleet: 'edge', labels: { 'machine-id': machine } };
    const { secret } = await admin.call('enrolmentTokens.create', { body });
    const { csr } = await newHostKey();
    const client = clientOf(server.url, server.authority);
    devices.set(machine, (await client.call('enrol.ask', { body: { csr, token: secret } })).name);
  }
  const token = await running.token('releases:read', 'edge');
  const say = async (machine: string, version: string, event?: string): Promise<string> =>
    (await ask(running, token, question(version, 'edge', machine, event))).text;
  for (const machine of machines) expect(await say(machine, OLD)).toContain(NO_UPDATE);
  clock.ms += 1000;
  await running.putFleet('edge', { selector: '', release: 'flatcar-2', policy: CAREFUL });
  const { status } = await admin.call('fleets.get', { params: { name: 'edge' } });
  const name = status.rollout ?? '';
  return {
    running,
    token,
    devices,
    say,
    told: async (asked = machines) =>
      await until(
        async () => {
          for (const machine of asked) if ((await say(machine, OLD)).includes(UPDATE)) return machine;
          return '';
        },
        (machine) => machine !== '',
      ),
    rollout: async () => {
      const { status: seen } = await admin.call('rollouts.get', { params: { name } });
      const { items } = await admin.call('rollouts.devices', { params: { name }, query: {} });
      const words = new Map(items.map(({ device, why }) => [device, why ?? '']));
      return {
        state: seen.state,
        reason: seen.reason,
        why: (machine) => words.get(devices.get(machine) ?? '') ?? '',
      };
    },
  };
}

/** How machines that update by Omaha count in a rollout, whatever database the server has. */
export function omahaRolloutSuite(kind: string, place: Place): void {
  describe(`rollouts to clients of Omaha on ${kind}`, { timeout: PATIENCE_MS }, () => {
    test('a machine that succeeds lets the next one go; one that rolls back halts it, and says why', async () => {
      await using running = await startCompatServer(place);
      const machines = ['m1', 'm2', 'm3'];
      const fleet = await startClients(running, machines);
      const first = await fleet.told();
      const others = machines.filter((machine) => machine !== first);
      for (const machine of others) expect(await fleet.say(machine, OLD)).toContain(NO_UPDATE);
      await fleet.say(first, OLD, DOWNLOADING);
      await fleet.say(first, OLD, INSTALLED);
      await until(fleet.rollout, ({ why }) => why(first).includes('restart'));
      expect(await fleet.say(first, NEW, UPDATED)).toContain(NO_UPDATE);
      await until(fleet.rollout, ({ why }) => why(first).includes('must stay healthy'));
      running.clock.ms += 2 * MINUTE_MS;
      const second = await fleet.told(others);
      const third = others.find((machine) => machine !== second) ?? '';
      await fleet.say(second, OLD, ROLLED_BACK);
      const halted = await until(fleet.rollout, ({ state }) => state === 'halted');
      // It is where it should be: there is nothing to explain.
      expect(halted.why(first)).toBe('');
      expect(halted.why(second)).toContain(
        'the device went back by itself: its client found the old version',
      );
      // The step after the halt, nobody is given the image any more.
      await until(fleet.rollout, ({ why }) => why(third).includes('failed and is denied'));
      // Neither is it given again what it fell back from, nor anybody else.
      for (const machine of others) expect(await fleet.say(machine, OLD)).toContain(NO_UPDATE);
      const name = fleet.devices.get(second) ?? '';
      const device = await running.admin.call('devices.get', { params: { name } });
      expect(device.status.update).toMatchObject({
        whyNotUpToDate: expect.stringContaining('went back by itself') as string,
        denied: [`sha256:${'2'.repeat(64)}`],
      });
    });

    test('an update that fails counts; an answer of HTTP does not', async () => {
      await using running = await startCompatServer(place);
      const fleet = await startClients(running, ['m1']);
      await fleet.told();
      const params = { name: fleet.devices.get('m1') ?? '' };
      const heldUntil = new Date(running.clock.ms + MINUTE_MS).toISOString();
      const { metadata } = await running.admin.call('devices.get', { params });
      const spec = { fleet: 'edge', hold: { reason: 'a market day', until: heldUntil } };
      const body = { apiVersion: 'slipway/v1', kind: 'Device', metadata, spec } as const;
      await running.admin.call('devices.put', { params, body });
      expect(await fleet.say('m1', OLD)).toContain(NO_UPDATE);
      running.clock.ms += 2 * MINUTE_MS;
      expect(await fleet.say('m1', OLD)).toContain(UPDATE);
      await fleet.say('m1', OLD, UNREACHED);
      // It goes on trying, and is let.
      expect(await fleet.say('m1', OLD)).toContain(UPDATE);
      expect(await fleet.rollout()).toMatchObject({ state: 'running' });
      await fleet.say('m1', OLD, FAILED);
      expect(await fleet.say('m1', OLD)).toContain(NO_UPDATE);
      const halted = await until(fleet.rollout, ({ state }) => state === 'halted');
      expect(halted.why('m1')).toContain('the update failed: its client reports the error 15');
    });

    test('whatever is said, one row is kept of each device, and none of strangers', async () => {
      await using running = await startCompatServer(place);
      const fleet = await startClients(running, ['m1', 'm2']);
      const events = [DOWNLOADING, INSTALLED, UNREACHED, UPDATED];
      for (const [index, event] of [...events, ...events].entries()) {
        await fleet.say('m1', OLD, event);
        await fleet.say(`stranger-${index}`, OLD, event);
        await fleet.say('m2', `${'9'.repeat(900)}${index}`, event);
      }
      await using database = await openDatabase(running.database);
      const rows = await database.reads.selectFrom('client_states').selectAll().orderBy('device').execute();
      expect(rows.map(({ device }) => device)).toEqual([...fleet.devices.values()].toSorted());
      expect(JSON.stringify(rows).length).toBeLessThan(1000);
      const counted = await database.reads
        .selectFrom('timeline')
        .select((select) => select.fn.countAll<number>().as('count'))
        .where('what', 'not in', ['enrolled', 'told-to-stage', 'told-to-apply'])
        .executeTakeFirstOrThrow();
      expect(counted.count).toBe(0);
      const name = fleet.devices.get('m1') ?? '';
      await running.admin.call('devices.decommission', { params: { name }, body: {} });
      const left = await database.reads.selectFrom('client_states').select('device').execute();
      expect(left).toEqual([{ device: fleet.devices.get('m2') }]);
    });
  });
}
