/**
 * The page of a fleet in a real browser, against a real server and devices that speak its protocol: a person logs in, lets a host in, watches
 * a rollout halt at its canary as it happens, goes back, and finds all of it in the audit log. What devices say is shown as text, whatever it is.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { makeTempDir, type TempDir } from '@slipway/core';
import { type FleetServer, serveFleet } from '@slipway/fleet';
import type { FleetClient, ReleaseInput } from '@slipway/fleet-api';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientOf } from '../packages/fleet/src/testing/test-client.ts';
import { newHostKey, TestDevice } from '../packages/fleet/src/testing/test-device.ts';
import { openWindow, startBrowser } from './harness/browser.ts';
import { consoleFiles } from './harness/console-files.ts';
import { ROOT } from './harness/slipway.ts';

const PASSWORD = 'a password for tests';
const SCREENSHOTS = join(ROOT, 'build/screenshots');
/** Generous: a browser on a busy machine. */
const WITHIN_MS = 300_000;
const V1 = { reference: 'registry.example/shop:v1', digest: digest('a') };
const HOSTILE = '<img src=x onerror="document.title=\'broken in\'">';

let temp: TempDir;
let server: FleetServer;
let admin: FleetClient;
let browser: Browser;
let page: Page;
const devices: TestDevice[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  temp = await makeTempDir('console');
  server = await serveFleet({
    root: temp.path,
    port: 0,
    host: '127.0.0.1',
    firstPassword: PASSWORD,
    stepRolloutsMs: 100,
    pages: await consoleFiles(),
  });
  const { secret } = await clientOf(server.url, server.authority).call('sessions.create', {
    body: { user: 'admin', password: PASSWORD },
  });
  admin = clientOf(server.url, server.authority, secret);
  await prepareFleet();
  await prepareOutside();
  browser = await startBrowser(server.authority);
  const window = await openWindow(browser, server.url);
  window.setDefaultTimeout(WITHIN_MS);
  page = await window.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text());
  });
});
afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
  await temp?.[Symbol.asyncDispose]();
});

describe('a person', () => {
  test('logs in, and sees at a glance how the fleet is', async () => {
    await page.goto('/');
    await page.getByLabel('User').fill('admin');
    await page.getByLabel('Password').fill('wrong password');
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByText('user or password is wrong').waitFor();
    await shot('login');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByText(`${devices.length} up to date`).first().waitFor();
    await shot('overview');
    await expectAccessible();
  });

  test('lets a host in', async () => {
    const { csr } = await newHostKey();
    const host = clientOf(server.url, server.authority);
    const { name } = await host.call('enrol.ask', { body: { csr, hostname: 'new-till' } });
    await page.getByRole('link', { name: 'Enrolment lobby' }).click();
    await page.getByText('new-till').waitFor();
    await shot('lobby');
    await expectAccessible();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await shot('lobby-after');
    expect((await host.call('enrol.poll', { params: { name } })).state).toBe('approved');
  });

  test('finds a device, and what it says of itself is text', async () => {
    const [device] = devices;
    await page.getByRole('link', { name: 'Devices' }).click();
    await page.getByLabel('Part of a name').fill(device?.name ?? '');
    await page.getByLabel('Part of a name').press('Enter');
    await page.getByText('1 device', { exact: true }).waitFor();
    await shot('devices');
    await expectAccessible();
    await page.getByRole('link', { name: device?.name ?? '' }).click();
    await page.getByText(HOSTILE).first().waitFor();
    await shot('device');
    await expectAccessible();
    expect(await page.title()).not.toContain('broken in');
  });

  test('plans a rollout, starts it, and sees it halt at the canary by itself', async () => {
    await page.getByRole('link', { name: 'Fleets' }).click();
    await page.getByRole('link', { name: 'shops' }).click();
    await page.getByRole('button', { name: 'Roll out' }).click();
    await page.getByLabel('Release').selectOption('v2');
    await page.getByRole('gridcell', { name: 'canary' }).waitFor();
    await shot('plan');
    await page.getByRole('button', { name: 'Start the rollout' }).click();
    await page.getByRole('heading', { name: 'shops to v2' }).waitFor();
    const rollout = decodeURIComponent(new URL(page.url()).pathname.split('/').at(-1) ?? '');
    await checkInUntil(rollout, 'halted');
    // Nobody reloads the page.
    await page
      .getByText(/^Halted: /)
      .or(page.getByText(/Halted: /))
      .first()
      .waitFor();
    await shot('rollout-halted');
    await expectAccessible();
    expect(devices.map(({ booted }) => booted.digest)).toEqual(devices.map(() => digest('a')));
  });

  test('ends it, and rolls out the release that was fixed', async () => {
    await page.getByRole('button', { name: 'Abort' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('the tills do not answer');
    await page.getByRole('dialog').getByRole('button', { name: 'Abort' }).click();
    await page.getByText('aborted').first().waitFor();
    await admin.call('rollouts.create', {
      body: {
        apiVersion: 'slipway/v1',
        kind: 'Rollout',
        metadata: { name: 'fixed' },
        spec: { fleet: 'shops', release: 'v3' },
      },
    });
    await page.goto('/rollouts/fixed');
    await checkInUntil('fixed', 'succeeded');
    await page.getByText('succeeded', { exact: true }).first().waitFor();
    await shot('rollout-done');
  });

  test('reads in the log who did what, and that the log is whole', async () => {
    await page.getByRole('link', { name: 'Audit log' }).click();
    await page.getByText('records is whole').waitFor();
    await page.getByRole('gridcell', { name: 'rollouts.abort' }).first().waitFor();
    await page.getByText('the tills do not answer').first().waitFor();
    await shot('audit');
    await expectAccessible();
  });

  test('sees releases and the ways between them, locks and users', async () => {
    for (const name of ['Releases', 'Reboot locks', 'Users and access', 'Rollouts']) {
      await page.getByRole('link', { name }).click();
      await page.getByRole('heading', { name, level: 1 }).waitFor();
      await shot(name.toLowerCase().replaceAll(' ', '-'));
      await expectAccessible();
    }
  });

  test('sees what git says and who is told, what is wrong with it, and tries again', async () => {
    await page.getByRole('link', { name: 'Git repositories' }).click();
    await page.getByRole('gridcell', { name: 'https://127.0.0.1:9/fleet.git main:production' }).waitFor();
    await page.getByRole('gridcell', { name: /cannot / }).waitFor();
    await shot('git-repositories');
    await expectAccessible();
    await confirm('Sync now', 'after a repair');
    await page.getByRole('link', { name: 'Webhooks' }).click();
    await page.getByRole('gridcell', { name: 'https://127.0.0.1:9/hook' }).waitFor();
    await page.getByRole('gridcell', { name: /in a row\); next try/ }).waitFor();
    await shot('webhooks');
    await expectAccessible();
    await confirm('Deliver now', 'after a repair');
    const { items } = await admin.call('audit.list', { query: { limit: 100 } });
    const done = items.map(({ action }) => action);
    expect(done).toEqual(expect.arrayContaining(['gitRepositories.sync', 'webhooks.put']));
  });

  test('works at night, and without a mouse', async () => {
    await page.goto('/');
    await page.getByRole('button', { name: 'Use the dark theme' }).press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByText(`${devices.length} up to date`).first().waitFor();
    await shot('overview-dark');
    await expectAccessible();
    await page.keyboard.press('Tab');
    await page.getByRole('link', { name: 'Rollouts' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Rollouts', level: 1 }).waitFor();
  });

  test('logs out, and sees nothing more', async () => {
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('User').waitFor();
    expect(complaints).toEqual([]);
  });
});

async function prepareFleet(): Promise<void> {
  for (const [name, letter] of [
    ['v1', 'a'],
    ['v2', 'b'],
    ['v3', 'c'],
  ] as const) {
    await admin.call('releases.put', { params: { name }, body: release(name, letter) });
  }
  await admin.call('fleets.put', {
    params: { name: 'shops' },
    body: {
      apiVersion: 'slipway/v1',
      kind: 'Fleet',
      metadata: { name: 'shops' },
      spec: {
        selector: 'kind=shop',
        policy: {
          batches: [{ name: 'canary', selector: 'stage=canary' }],
          errorThreshold: { count: 1, action: 'halt' },
          stableSeconds: 0,
        },
      },
    },
  });
  for (const stage of ['canary', 'wide', 'wide', 'wide']) {
    const body = { name: `token-${devices.length}`, labels: { kind: 'shop', stage } };
    const { secret } = await admin.call('enrolmentTokens.create', { body });
    devices.push(
      await TestDevice.enrol(server.url, server.authority, secret, V1, [digest('b')], { motto: HOSTILE }),
    );
  }
}

/** Nobody is at this address, and the server would not go there. */
async function prepareOutside(): Promise<void> {
  const header = { apiVersion: 'slipway/v1', metadata: { name: 'outside' } } as const;
  const params = { name: 'outside' };
  await admin.call('gitRepositories.put', {
    params,
    body: {
      ...header,
      kind: 'GitRepository',
      spec: { url: 'https://127.0.0.1:9/fleet.git', path: 'production' },
    },
  });
  await admin.call('webhooks.put', {
    params,
    body: {
      ...header,
      kind: 'Webhook',
      spec: { url: 'https://127.0.0.1:9/hook', kinds: ['Release'], secret: `whsec_${'A'.repeat(32)}` },
    },
  });
  // Something to be told of.
  await admin.call('releases.put', { params: { name: 'told' }, body: release('told', 'd') });
}

async function confirm(verb: string, reason: string): Promise<void> {
  await page.getByRole('button', { name: verb }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill(reason);
  await page.getByRole('dialog').getByRole('button', { name: verb }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

async function checkInUntil(rollout: string, state: string): Promise<void> {
  for (;;) {
    for (const device of devices) await device.checkIn();
    const { status } = await admin.call('rollouts.get', { params: { name: rollout } });
    if (status.state === state) return;
    expect(['halted', 'failed', 'aborted', 'succeeded']).not.toContain(status.state);
  }
}

/** Kept where CI finds it, and shown in the documents. */
async function shot(name: string): Promise<void> {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

async function expectAccessible(): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual(
    [],
  );
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

function digest(letter: string): string {
  return `sha256:${letter.repeat(64)}`;
}
