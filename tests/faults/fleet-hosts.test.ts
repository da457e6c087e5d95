/**
 * A fleet of three real hosts, a real registry and the page of the fleet: a release whose health check fails reaches the canary, which goes back
 * by itself; the rollout halts with the other hosts untouched; the release that was fixed reaches all; the whole fleet goes back.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeTempDir } from '@slipway/core';
import { type FleetServer, serveFleet } from '@slipway/fleet';
import type { Device, FleetClient, RolloutState } from '@slipway/fleet-api';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientOf } from '../../packages/fleet/src/testing/test-client.ts';
import { openWindow, startBrowser } from '../harness/browser.ts';
import { consoleFiles } from '../harness/console-files.ts';
import { allowPlainHttp, startHost, type TestHost } from '../harness/host.ts';
import { exampleImage, failingRelease } from '../harness/images.ts';
import { HOST_SEEN_BY_GUEST, startRegistry, type TestRegistry } from '../harness/registry.ts';
import { ROOT, slipway, slipwayJson } from '../harness/slipway.ts';
import { countedStep, type FaultRow, report } from './results.ts';

const PASSWORD = 'a password for tests';
const DISKS = `${ROOT}/build/tests/fleet-hosts`;
const SCREENSHOTS = `${ROOT}/build/screenshots`;
const BETWEEN_QUESTIONS_MS = 2000;
/** Generous: a browser beside three emulated machines. */
const WITHIN_MS = 600_000;
const STAGES = ['canary', 'wide', 'wide'] as const;
const ENDED: readonly RolloutState[] = ['halted', 'succeeded', 'failed', 'aborted', 'rolled-back'];
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

interface Member {
  readonly host: TestHost;
  readonly device: string;
}

const resources = new AsyncDisposableStack();
const rows: FaultRow[] = [];
let registry: TestRegistry;
let server: FleetServer;
let admin: FleetClient;
let browser: Browser;
let page: Page;
let members: readonly Member[] = [];

beforeAll(async () => {
  registry = resources.use(await startRegistry());
  const temp = resources.use(await makeTempDir('fleet-hosts'));
  server = resources.use(
    await serveFleet({
      root: temp.path,
      host: '127.0.0.1',
      port: 0,
      names: [HOST_SEEN_BY_GUEST],
      firstPassword: PASSWORD,
      pages: await consoleFiles(),
    }),
  );
  const body = { user: 'admin', password: PASSWORD };
  const { secret } = await clientOf(server.url, server.authority).call('sessions.create', { body });
  admin = clientOf(server.url, server.authority, secret);
  await prepareFleet();
  await startHosts();
  page = await openPage();
});

afterAll(async () => {
  await report('fleet-hosts', { rows, json: { fleetHosts: { hosts: STAGES.length, steps: rows } } });
  await browser?.close();
  await resources.disposeAsync();
});

test('three hosts enrol, and run what the fleet wants', async () => {
  await countedStep(rows, 'fleet: three hosts enrol', async () => {
    const devices = await untilDevices((all) =>
      all.every(({ status }) => status.update.state === 'up-to-date'),
    );
    expect(devices.map(({ status }) => status.update.release)).toEqual(['v1', 'v1', 'v1']);
  });
  await page.getByText('3 up to date').first().waitFor();
});

test('a release whose check fails halts at the canary, which goes back by itself', async () => {
  await countedStep(rows, 'fleet: a canary fails its health check', async () => {
    const untouched = await Promise.all(members.slice(1).map(({ host }) => host.vm.bootId()));
    await rollOut('bad', 'v2', 'halted');
    // Nobody reloads the page.
    await page
      .getByText(/Halted: /)
      .first()
      .waitFor();
    await shot('hosts-halted');
    const [canary, ...others] = await untilDevices(([first]) => first?.status.connection.state === 'online');
    expect(canary?.status.update.release).toBe('v1');
    expect(canary?.status.update.whyNotUpToDate).toMatch(/the shop does not answer|did not come up/);
    expect(canary?.status.update.denied).toHaveLength(1);
    expect(others.map(({ status }) => status.update.release)).toEqual(['v1', 'v1']);
    expect(await Promise.all(members.slice(1).map(({ host }) => host.vm.bootId()))).toEqual(untouched);
    expect(await versions()).toEqual(['1', '1', '1']);
  });
});

test('the release that was fixed reaches all of them', async () => {
  await countedStep(rows, 'fleet: the fixed release rolls out', async () => {
    await admin.call('rollouts.abort', {
      params: { name: 'bad' },
      body: { reason: 'the shop does not answer' },
    });
    await rollOut('fixed', 'v3', 'succeeded');
    await shot('hosts-updated');
    expect(await versions()).toEqual(['2', '2', '2']);
  });
});

test('the whole fleet goes back', async () => {
  await countedStep(rows, 'fleet: the whole fleet goes back', async () => {
    await admin.call('rollouts.rollback', { params: { name: 'fixed' }, body: { reason: 'nobody likes it' } });
    await untilState('fixed', 'rolled-back');
    await page.getByText('rolled back').first().waitFor();
    const { spec } = await admin.call('fleets.get', { params: { name: 'shops' } });
    expect(spec.release).toBe('v1');
    expect(await versions()).toEqual(['1', '1', '1']);
    for (const { host } of members) expect(await host.run('cat /var/lib/kept')).toBe('mine');
  });
});

test('all of it is in the audit log, which is whole', async () => {
  await page.getByRole('link', { name: 'Audit log' }).click();
  await page.getByText('records is whole').waitFor();
  await shot('hosts-audit');
  const { items } = await admin.call('audit.list', { query: { limit: 200 } });
  const done = items.map(({ action }) => action);
  expect(done).toEqual(
    expect.arrayContaining([
      'rollouts.create',
      'rollouts.abort',
      'rollouts.rollback',
      'enrolmentTokens.create',
    ]),
  );
});

/** Images in the registry, releases that name them, and a fleet that wants the first. */
async function prepareFleet(): Promise<void> {
  const images = {
    v1: await exampleImage({ folder: 'web-application' }, say),
    v2: await failingRelease(say),
    v3: await exampleImage({ folder: 'web-application', containerfile: 'Containerfile.v2' }, say),
  };
  for (const [name, image] of Object.entries(images)) {
    await slipway(['push', image, `${registry.hostPort}/web:${name}`]);
    const { manifestDigest } = (await slipwayJson(['inspect', image])) as { readonly manifestDigest: string };
    const reference = `${registry.guestHostPort}/web:${name}`;
    const of = [{ architecture: 'amd64', reference, digests: [manifestDigest] as [string] }];
    await admin.call('releases.put', {
      params: { name },
      body: {
        apiVersion: 'slipway/v1',
        kind: 'Release',
        metadata: { name },
        spec: { version: name, images: of },
      },
    });
  }
  const policy = {
    batches: [{ name: 'canary', selector: 'stage=canary' }],
    errorThreshold: { count: 1, action: 'halt' },
    stableSeconds: 0,
  } as const;
  const spec = { selector: 'kind=shop', release: 'v1', policy };
  const body = { apiVersion: 'slipway/v1', kind: 'Fleet', metadata: { name: 'shops' }, spec } as const;
  await admin.call('fleets.put', { params: { name: 'shops' }, body });
}

/** Three hosts on one disk, each with changes of its own, that look after themselves from here on. */
async function startHosts(): Promise<void> {
  await mkdir(DISKS, { recursive: true });
  await mkdir(SCREENSHOTS, { recursive: true });
  const image = await exampleImage({ folder: 'web-application' }, say);
  const followed = `${registry.guestHostPort}/web:v1`;
  await slipway(['image', image, '--type', 'raw', '--target-imgref', followed, '-o', DISKS], { onLine: say });
  for (const [index, stage] of STAGES.entries()) {
    const consoleLogPath = `${DISKS}/console-${index}.log`;
    const options = {
      disk: `${DISKS}/disk.raw`,
      format: 'raw',
      restarts: 'by itself',
      consoleLogPath,
    } as const;
    const host = resources.use(await startHost(options));
    await allowPlainHttp(host, registry.guestHostPort);
    const { secret } = await admin.call('enrolmentTokens.create', {
      body: { name: `host-${index}`, labels: { kind: 'shop', stage } },
    });
    const device = await enrol(host, secret);
    members = [...members, { host, device }];
  }
}

/** Makes a host a device of the fleet: its name there. */
async function enrol(host: TestHost, token: string): Promise<string> {
  const { port } = new URL(server.url);
  const known = new Set((await allDevices()).map(({ metadata }) => metadata.name));
  await host.vm.output('mkdir -p /etc/slipway; cat >/etc/slipway/fleet-authority.pem', {
    input: server.authority,
  });
  await host.run(
    `echo mine >/var/lib/kept
     printf 'server = "https://${HOST_SEEN_BY_GUEST}:${port}"\\nauthority = "/etc/slipway/fleet-authority.pem"\\ntoken = "${token}"\\n' >/etc/slipway/agent.toml
     systemctl enable --now slipway-agent.service`,
  );
  for (;;) {
    const found = (await allDevices()).find(({ metadata }) => !known.has(metadata.name));
    if (found !== undefined) return found.metadata.name;
    await delay(BETWEEN_QUESTIONS_MS);
  }
}

/** A browser with the rollouts before it, as somebody who logged in. */
async function openPage(): Promise<Page> {
  browser = await startBrowser(server.authority);
  const window = await openWindow(browser, server.url);
  window.setDefaultTimeout(WITHIN_MS);
  const opened = await window.newPage();
  await opened.goto('/');
  await opened.getByLabel('User').fill('admin');
  await opened.getByLabel('Password').fill(PASSWORD);
  await opened.getByRole('button', { name: 'Log in', exact: true }).click();
  await opened.getByRole('heading', { name: 'Overview' }).waitFor();
  return opened;
}

async function rollOut(name: string, release: string, wanted: RolloutState): Promise<void> {
  const spec = { fleet: 'shops', release };
  const body = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name }, spec } as const;
  await admin.call('rollouts.create', { body });
  await page.goto(join('/rollouts', name));
  await untilState(name, wanted);
}

/** Waits until a rollout has ended, which must be in this way; the time limit of the test ends the wait. */
async function untilState(name: string, wanted: RolloutState): Promise<void> {
  for (let last = ''; ; ) {
    const { status } = await admin.call('rollouts.get', { params: { name } });
    if (status.state === wanted) return;
    const line = `${name}: ${status.state}, ${status.reason ?? JSON.stringify(status.counts)}`;
    if (line !== last) say(line);
    last = line;
    // What is rolled back was something that had ended.
    if (wanted !== 'rolled-back' && ENDED.includes(status.state))
      throw new Error(`${line}\n${await reasons()}`);
    await delay(BETWEEN_QUESTIONS_MS);
  }
}

async function untilDevices(isWell: (devices: readonly Device[]) => boolean): Promise<readonly Device[]> {
  for (;;) {
    const devices = await allDevices();
    const ours = members.flatMap(({ device }) => devices.filter(({ metadata }) => metadata.name === device));
    if (isWell(ours)) return ours;
    await delay(BETWEEN_QUESTIONS_MS);
  }
}

/** What each host says of why it does not run what it should. */
async function reasons(): Promise<string> {
  const devices = await allDevices();
  return devices
    .map(({ metadata, status }) => `${metadata.name}: ${status.update.whyNotUpToDate ?? 'up to date'}`)
    .join('\n');
}

async function allDevices(): Promise<readonly Device[]> {
  return (await admin.call('devices.list', {})).items;
}

/** What the hosts themselves say they run. */
async function versions(): Promise<readonly (string | null | undefined)[]> {
  const found: (string | null | undefined)[] = [];
  for (const { host } of members) found.push((await host.status()).status.booted?.image?.version);
  return found;
}

async function shot(name: string): Promise<void> {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}
