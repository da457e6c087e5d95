/** The devices of a fleet as Ansible's own commands see them, by the inventory plugin of integrations/ansible. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { logIn, startFleetServer, type TestFleetServer, viewerToken } from './harness/fleet-server.ts';
import { ROOT, slipway, slipwayJson } from './harness/slipway.ts';

const DEVICES = 3;

let directory: TempDir;
let server: TestFleetServer;
let token: string;

beforeAll(async () => {
  directory = await makeTempDir('ansible');
  server = await startFleetServer(directory.path);
  await logIn(server);
  token = await viewerToken(server, 'ansible');
  await enrol('berlin', DEVICES);
  await enrol('paris', 1);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

/** Lets simulated devices enrol and report, and switches them off. */
async function enrol(site: string, count: number): Promise<void> {
  const { env, url, caPath } = server;
  const asked = ['fleet', 'token', site, '--enrol', '--uses', String(count), '--label', `site=${site}`];
  const made = await slipway(asked, { env });
  const place = ['--server', url, '--ca', caPath, '--token', made.stdout.toString('utf8').trim()];
  const devices = spawn(
    `${ROOT}/bin/slipway`,
    ['fleet', 'simulate', '--devices', String(count), '--seed', site, ...place],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = once(devices, 'close');
  while ((await online(site)) < count) await setTimeout(200);
  devices.kill('SIGTERM');
  await ended;
}

async function online(site: string): Promise<number> {
  const asked = ['fleet', 'get', 'devices', '-l', `site=${site}`];
  const devices = (await slipwayJson(asked, { env: server.env })) as readonly {
    readonly status: { readonly connection: { readonly state: string } };
  }[];
  return devices.filter(({ status }) => status.connection.state === 'online').length;
}

interface Inventory {
  readonly _meta: { readonly hostvars: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
  readonly [group: string]: unknown;
}

/** Texts Ansible must not read templates in, as texts. */
function plain(_: string, value: unknown): unknown {
  const marked = value as { readonly __ansible_unsafe?: unknown } | null;
  return typeof marked?.__ansible_unsafe === 'string' ? marked.__ansible_unsafe : value;
}

async function inventory(
  lines: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly exitCode: number; readonly stderr: string; readonly stdout: string }> {
  const path = join(directory.path, 'devices.slipway.yml');
  await writeFile(path, `${['plugin: slipway.fleet.devices', ...lines].join('\n')}\n`);
  const { exitCode, stdout, stderr } = await run(['ansible-inventory', '-i', path, '--list'], {
    describe: 'read the inventory',
    debianPackage: 'ansible-core',
    allowExitCodes: [1, 4],
    env: {
      ANSIBLE_COLLECTIONS_PATH: `${ROOT}/integrations/ansible`,
      ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED: 'true',
      ANSIBLE_HOME: join(directory.path, 'ansible'),
      ANSIBLE_NOCOLOR: 'true',
      LC_ALL: 'C.UTF-8',
      SLIPWAY_FLEET_URL: server.url,
      SLIPWAY_FLEET_CA: server.caPath,
      SLIPWAY_FLEET_TOKEN: token,
      ...env,
    },
  });
  // Long messages are broken into lines of a terminal.
  return { exitCode, stdout: stdout.toString('utf8'), stderr: stderr.replace(/\s+/g, ' ') };
}

test('every device is a host with its facts, and labels make groups', async () => {
  const { stdout, stderr } = await inventory([
    'keyed_groups: [{prefix: site, key: slipway_labels.site}]',
    "groups: {reachable: slipway_connection.state != 'never'}",
    'compose: {town: slipway_labels.site | upper}',
  ]);
  expect(stderr).not.toContain('[WARNING]');
  // What devices say is marked, so that no template in it is ever read.
  expect(stdout).toContain('"__ansible_unsafe": "paris"');
  const found = JSON.parse(stdout, plain) as Inventory;
  const names = Object.keys(found._meta.hostvars);
  expect(names).toHaveLength(DEVICES + 1);
  expect(found).toMatchObject({ reachable: { hosts: expect.arrayContaining(names) } });
  expect((found['site_berlin'] as { readonly hosts: readonly string[] }).hosts).toHaveLength(DEVICES);
  const paris = (found['site_paris'] as { readonly hosts: readonly string[] }).hosts[0] ?? '';
  expect(found._meta.hostvars[paris]).toMatchObject({
    ansible_host: '127.0.0.1',
    slipway_name: paris,
    slipway_labels: { site: 'paris' },
    slipway_fleet: null,
    slipway_connection: { address: '127.0.0.1' },
    town: 'PARIS',
  });
});

test('a selector chooses', async () => {
  const { stdout } = await inventory(['selector: site in (paris, rome)']);
  expect(Object.keys((JSON.parse(stdout) as Inventory)._meta.hostvars)).toHaveLength(1);
});

test.each([
  ['a token nobody gave', { SLIPWAY_FLEET_TOKEN: 'slipway_nothing' }, /cannot read the devices of https:/],
  ['no encryption', { SLIPWAY_FLEET_URL: 'http://127.0.0.1:1' }, /a token is sent over https only/],
  ['nobody there', { SLIPWAY_FLEET_URL: 'https://127.0.0.1:1' }, /cannot reach https:\/\/127\.0\.0\.1:1/],
  [
    'an authority that signed another',
    { SLIPWAY_FLEET_CA: '/etc/ssl/certs/ca-certificates.crt' },
    /certificate/i,
  ],
])('%s: one clear error, and no hosts', async (_, env, message) => {
  const { exitCode, stdout, stderr } = await inventory([], env);
  expect(exitCode).not.toBe(0);
  expect(stderr).toMatch(message);
  expect(stdout).not.toContain('hostvars');
  expect(stderr).not.toContain(token);
});

test('what is no selector is said in the words of the server', async () => {
  expect((await inventory(['selector: "site in ("'])).stderr).toMatch(
    /cannot read the devices of .*selector/,
  );
});
