import type { PolicySpec, ReleaseSpec } from '@slipway/fleet-api';
import { describe, expect, test } from 'vitest';
import { askRaw, type RawAnswer } from './compat-client.ts';
import { type CompatServer, DAY_MS, HEADER, startCompatServer } from './compat-server.ts';
import type { Place } from './places.ts';
import { until } from './until.ts';

const HOUR_MS = 3_600_000;
const PATIENCE_MS = 300_000;
const REPOSITORY = 'quay.io/fedora/fedora-coreos';
const OLD = '43.20251110.3.1';
const NEW = '43.20251124.3.0';

function digest(digit: number): string {
  return `sha256:${`${digit}`.repeat(64)}`;
}

async function putRelease(
  { admin }: CompatServer,
  name: string,
  digit: number,
  more: Partial<ReleaseSpec> = {},
): Promise<void> {
  const images = [
    {
      architecture: 'amd64',
      reference: `${REPOSITORY}:stable`,
      digests: [digest(digit), `sha256:d${`${digit}`.repeat(63)}`],
    },
  ] as const;
  const spec: ReleaseSpec = { version: name, images, ...more };
  const body = { ...HEADER, kind: 'Release', metadata: { name: `fcos-${digit}` }, spec } as const;
  await admin.call('releases.put', { params: { name: `fcos-${digit}` }, body });
}

/** What Zincati asks, with the wariness of its host. */
function question(wariness: string, more: Readonly<Record<string, string>> = {}): string {
  const { basearch, ...rest } = {
    basearch: 'x86_64',
    stream: 'stable',
    oci: 'true',
    node_uuid: 'b9f3',
    os_version: OLD,
    os_checksum: `${REPOSITORY}@${digest(1)}`,
    group: 'default',
    platform: 'qemu',
    rollout_wariness: wariness,
    ...more,
  };
  return new URLSearchParams({ basearch, ...rest }).toString();
}

async function askGraph({ server }: CompatServer, token: string, query: string): Promise<RawAnswer> {
  const path = `/compat/${token}/cincinnati/v1/graph?${query}`;
  return await askRaw(server, 'GET', path, { accept: 'application/json' });
}

interface Graph {
  readonly nodes: readonly {
    readonly version: string;
    readonly payload: string;
    readonly metadata: Readonly<Record<string, string>>;
  }[];
  readonly edges: readonly (readonly [number, number])[];
}

async function graphOf(running: CompatServer, token: string, query: string): Promise<Graph> {
  const { status, type, text } = await askGraph(running, token, query);
  expect([status, type]).toEqual([200, 'application/json']);
  return JSON.parse(text) as Graph;
}

/** Brings the fleet to a release and waits until its rollout stands there. */
async function release(
  running: CompatServer,
  name: string,
  policy: PolicySpec,
  state: string,
): Promise<string> {
  const { admin, clock } = running;
  // No two rollouts begin at one moment.
  clock.ms += 1000;
  await running.putFleet('coreos', { selector: '', release: name, policy });
  const { status } = await admin.call('fleets.get', { params: { name: 'coreos' } });
  const rollout = status.rollout ?? '';
  await until(
    async () => await admin.call('rollouts.get', { params: { name: rollout } }),
    (seen) => seen.status.state === state,
  );
  return rollout;
}

/** What a server answers to Cincinnati, whatever database it has. */
export function cincinnatiSuite(kind: string, place: Place): void {
  describe(`Cincinnati on ${kind}`, { timeout: PATIENCE_MS }, () => {
    test('hosts of Fedora CoreOS follow the rollout of their fleet, share by share', async () => {
      await using running = await startCompatServer(place);
      const { clock } = running;
      await putRelease(running, OLD, 1);
      await putRelease(running, NEW, 2);
      await release(running, 'fcos-1', {}, 'succeeded');
      const token = await running.token('releases:read', 'coreos');
      const before = await graphOf(running, token, question('0'));
      expect(before.edges).toEqual([]);

      const percentOverTime = { startPercent: 0, durationSeconds: 172_800 };
      await release(running, 'fcos-2', { percentOverTime }, 'succeeded');
      expect((await graphOf(running, token, question('0.5'))).edges).toEqual([]);
      clock.ms += DAY_MS / 2;
      expect((await graphOf(running, token, question('0.5'))).edges).toEqual([]);
      const early = await graphOf(running, token, question('0.2'));
      const prefix = 'org.fedoraproject.coreos.';
      expect(early).toEqual({
        nodes: [
          {
            version: OLD,
            payload: `${REPOSITORY}@${digest(1)}`,
            metadata: { [`${prefix}scheme`]: 'oci', [`${prefix}releases.age_index`]: '0' },
          },
          {
            version: NEW,
            payload: `${REPOSITORY}@${digest(2)}`,
            metadata: {
              [`${prefix}scheme`]: 'oci',
              [`${prefix}releases.age_index`]: '1',
              [`${prefix}updates.rollout`]: 'true',
              [`${prefix}updates.start_epoch`]: expect.stringMatching(/^\d{10}$/),
              [`${prefix}updates.start_value`]: '0.0',
              [`${prefix}updates.duration_minutes`]: '2880',
            },
          },
        ],
        edges: [[0, 1]],
      });
      clock.ms += DAY_MS;
      expect((await graphOf(running, token, question('0.5'))).edges).toEqual([[0, 1]]);
      // What a host booted from a disk image has another digest: it still finds itself.
      const booted = `${REPOSITORY}@sha256:d${'1'.repeat(63)}`;
      const disk = await graphOf(running, token, question('0.5', { os_checksum: booted }));
      expect(disk.nodes[0]?.payload).toBe(booted);
      expect((await graphOf(running, token, question('0.5', { oci: 'false' }))).nodes).toEqual([]);
    });

    test('nobody is sent to what has not begun, is not wanted, or was withdrawn', async () => {
      await using running = await startCompatServer(place);
      const { admin, clock } = running;
      for (const [digit, name] of [OLD, NEW, '44.1'].entries()) await putRelease(running, name, digit + 1);
      await release(running, 'fcos-1', {}, 'succeeded');
      const token = await running.token('releases:read', 'coreos');
      const schedule = async (name: string, target: string): Promise<void> => {
        clock.ms += 1000;
        const startAt = new Date(clock.ms + HOUR_MS).toISOString();
        const policy: PolicySpec = { approval: 'manual' };
        const spec = { fleet: 'coreos', release: target, policy, startAt };
        await admin.call('rollouts.create', {
          body: { ...HEADER, kind: 'Rollout', metadata: { name }, spec },
        });
        await admin.call('rollouts.approve', { params: { name }, body: {} });
      };
      await schedule('second', 'fcos-2');
      const edges = async (): Promise<Graph['edges']> => (await graphOf(running, token, question('0'))).edges;
      expect(await edges()).toEqual([]);
      clock.ms += HOUR_MS;
      await until(edges, (seen) => seen.length > 0);
      // The release nobody released is a node, and no way leads there.
      expect(await edges()).toEqual([[0, 1]]);
      // A fleet without devices has nothing to wait for; its policy wants a person all the same.
      await release(running, 'fcos-3', { approval: 'manual' }, 'succeeded');
      expect(await edges()).toEqual([[0, 1]]);
      await schedule('third', 'fcos-3');
      expect(await edges()).toEqual([[0, 1]]);
      clock.ms += HOUR_MS;
      await until(edges, (seen) => seen.length > 1);
      expect(await edges()).toEqual([
        [0, 1],
        [0, 2],
        [1, 2],
      ]);
      await putRelease(running, '44.1', 3, { withdrawn: { reason: 'loses data' } });
      expect(await edges()).toEqual([[0, 1]]);
      await putRelease(running, NEW, 2, { barrier: { reason: 'new keys' }, withdrawn: { reason: 'too' } });
      expect(await edges()).toEqual([]);
    });

    test('without a token of the fleet there is nothing', async () => {
      await using running = await startCompatServer(place);
      const { server } = running;
      await putRelease(running, OLD, 1);
      for (const name of ['coreos', 'other']) await running.putFleet(name, { selector: '' });
      const token = await running.token('releases:read', 'coreos');
      const kindOf = async (secret: string, query: string): Promise<string> => {
        const { status, type, text } = await askGraph(running, secret, query);
        expect(type).toBe('application/json');
        const { kind: said, value } = JSON.parse(text) as { readonly kind: string; readonly value: string };
        expect(value).not.toBe('');
        return `${status} ${said}`;
      };
      expect(await kindOf(`slipway_token_${'A'.repeat(43)}`, question('0'))).toBe('401 unauthenticated');
      const wrong = await running.token('locks:write', 'coreos');
      expect(await kindOf(wrong, question('0'))).toBe('403 forbidden');
      expect(await kindOf(token, question('0', { group: 'other' }))).toBe('404 unknown_group');
      expect(await kindOf(token, question('0', { stream: 'next' }))).toBe('404 unknown_stream');
      expect(await kindOf(token, question('0', { basearch: 'z80' }))).toBe('400 unknown_basearch');
      expect(await kindOf(token, 'stream=stable')).toBe('400 missing_params');
      expect(await kindOf(token, `stream=${'s'.repeat(9000)}`)).toBe('414 query_too_long');
      const path = `/compat/${token}/cincinnati/v1/graph?${question('0')}`;
      expect((await askRaw(server, 'POST', path)).status).toBe(404);
    });
  });
}
