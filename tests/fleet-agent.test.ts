/**
 * The agent against a real server: a host in a directory, whose updates are the packages' own; only the kernel is missing. It enrols, is
 * updated by a rollout, goes back by one, leaves an image that does not come up, and is decommissioned.
 */
import { access, chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { layoutSource, parseReference } from '@slipway/oci';
import { expect, test } from 'vitest';
import {
  AgentFiles,
  consoleNotice,
  HttpsTransport,
  parseAgentConfig,
  runAgent,
  SlipwayHost,
  Tpm,
} from '../packages/agent/src/index.ts';
import { startTestTpm } from '../packages/agent/src/testing/swtpm.ts';
import { silentLog } from '../packages/core/src/index.ts';
import { serveFleet } from '../packages/fleet/src/index.ts';
import { FleetClient, type FleetInput, type ReleaseInput } from '../packages/fleet-api/src/index.ts';
import { recordBoot } from '../packages/host/src/index.ts';
import { installed, V1, V2, V3 } from '../packages/host/src/testing/scenario.ts';
import {
  bless,
  boot,
  hostDir,
  partsOf,
  reboot,
  type TestHost,
} from '../packages/host/src/testing/test-host.ts';
import { type TestImage, writeTestImage } from '../packages/host/src/testing/test-image.ts';

const PASSWORD = 'correct horse battery staple';
const PATIENCE_MS = 600_000;
const MAX_BOOTS = 6;
const NO_TPM = new Tpm('');
const DAY_MS = 86_400_000;
const MOMENTS = ['before-update', 'before-reboot', 'after-reboot', 'after-update'] as const;

/** The machine around the agent: it restarts it after every boot. */
class Machine {
  readonly directory: string;
  readonly root: string;
  readonly files: AgentFiles;
  /** What its console shows above the login prompts. */
  readonly noticePath: string;
  readonly #off = new AbortController();
  host: TestHost;
  /** Version of an image that does not come up. */
  bad: string | undefined;
  isForgotten = false;
  readonly #tpm: Tpm;

  constructor(directory: string, host: TestHost, tpm: Tpm) {
    this.directory = directory;
    this.#tpm = tpm;
    this.root = join(directory, 'root');
    this.host = host;
    this.files = new AgentFiles(join(directory, 'agent'), silentLog);
    this.noticePath = join(directory, 'issue.d/50-slipway-fleet.issue');
  }

  async run(config: string): Promise<void> {
    for (;;) {
      const host = new SlipwayHost({
        system: this.host,
        files: this.files,
        root: this.root,
        hookDirectories: [join(this.directory, 'hooks')],
        reboot: async () => undefined,
        log: silentLog,
      });
      const options = {
        config: parseAgentConfig(config, 'agent.toml'),
        files: this.files,
        host,
        notice: consoleNotice(join(this.directory, 'issue.d'), silentLog),
        log: silentLog,
        tpm: this.#tpm,
      };
      const end = await runAgent({ ...options, signal: this.#off.signal });
      if (end !== 'restarting') {
        this.isForgotten = end === 'forgotten';
        return;
      }
      await this.#restart();
    }
  }

  switchOff(): void {
    this.#off.abort();
  }

  /** What does not come up is started until the boot loader gives it up. */
  async #restart(): Promise<void> {
    const before = this.host.bootedId;
    this.host = await reboot(this.host);
    const version = await readFile(join(this.host.etc, 'default'), 'utf8');
    if (version === this.bad) await this.#giveUp(before);
    await recordBoot(this.host);
    await bless(this.host);
  }

  async #giveUp(before: string): Promise<void> {
    for (let boots = 0; this.host.bootedId !== before && boots < MAX_BOOTS; boots += 1) {
      this.host = await boot(this.directory);
    }
  }
}

async function digestIn(images: string, image: TestImage): Promise<string> {
  await writeTestImage(images, image);
  const reference = parseReference(`oci:${images}:${image.tag}`);
  if (reference.kind !== 'oci') throw new Error('a test image is in a layout');
  await using source = layoutSource(reference);
  return (await source.resolve('amd64')).manifestDigest;
}

async function writeHooks(directory: string): Promise<string> {
  const log = join(directory, 'hooks.log');
  for (const moment of MOMENTS) {
    const hook = join(directory, 'hooks', moment, '10-note');
    await mkdir(join(hook, '..'), { recursive: true });
    await writeFile(hook, `#!/bin/sh\necho "$SLIPWAY_HOOK" >> '${log}'\n`);
    await chmod(hook, 0o755);
  }
  return log;
}

/** As a person does who reads in front of the host where it is let in. */
async function letIn(admin: FleetClient, machine: Machine): Promise<void> {
  const notice = await until(
    async () => await readFile(machine.noticePath, 'utf8').catch(() => ''),
    (text) => text !== '',
  );
  const name = /enrolments\/(?<name>[a-z2-7]+)\n/.exec(notice)?.groups?.['name'] ?? '';
  const { spec } = await admin.call('enrolments.get', { params: { name } });
  expect(notice.replaceAll(' ', '')).toContain(`Key${spec.keyFingerprint}\n`);
  await admin.call('enrolments.approve', { params: { name }, body: { labels: { kind: 'shop' } } });
  await until(
    async () => await readFile(machine.noticePath, 'utf8').catch(() => ''),
    (text) => text === '',
  );
}

function release(name: string, images: string, digest: string): ReleaseInput {
  const image = { architecture: 'amd64', reference: `oci:${images}:${name}`, digests: [digest] as [string] };
  return {
    apiVersion: 'slipway/v1',
    kind: 'Release',
    metadata: { name },
    spec: { version: name, images: [image] },
  };
}

function shops(more: Partial<FleetInput['spec']> = {}): FleetInput {
  return {
    apiVersion: 'slipway/v1',
    kind: 'Fleet',
    metadata: { name: 'shops' },
    spec: {
      selector: 'kind=shop',
      intervalSeconds: 5,
      trySeconds: 300,
      policy: { stableSeconds: 0, errorThreshold: { count: 1, action: 'halt' } },
      config: [{ path: '/etc/shop.conf', mode: '0640', content: 'site={{ labels.site }}\n' }],
      ...more,
    },
  };
}

async function until<Value>(look: () => Promise<Value>, isThere: (value: Value) => boolean): Promise<Value> {
  const endMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await look();
    if (isThere(value)) return value;
    if (Date.now() > endMs) throw new Error(`never came: ${JSON.stringify(value)}`);
    await sleep(200);
  }
}

async function logIn(guest: FleetClient, url: string, transport: HttpsTransport): Promise<FleetClient> {
  const { secret } = await guest.call('sessions.create', { body: { user: 'admin', password: PASSWORD } });
  const headers = () => ({ authorization: `Bearer ${secret}` });
  return new FleetClient({ url, transport: transport.send, headers });
}

test('a host is updated, goes back, leaves a bad image, and is decommissioned', async () => {
  await using directory = await hostDir('fleet-agent');
  const machine = new Machine(directory.path, await installed(directory.path), NO_TPM);
  await bless(machine.host);
  const { images } = partsOf(directory.path);
  const digests = {
    v1: await digestIn(images, { ...V1, tag: 'v1' }),
    v2: await digestIn(images, { ...V2, tag: 'v2' }),
    v3: await digestIn(images, { ...V3, tag: 'v3' }),
  };
  const hookLog = await writeHooks(directory.path);
  await mkdir(join(machine.root, 'etc'), { recursive: true });
  await writeFile(join(machine.root, 'etc/shop.conf'), 'as it was\n');
  await using server = await serveFleet({
    root: directory.path,
    port: 0,
    stepRolloutsMs: 200,
    firstPassword: PASSWORD,
  });
  using transport = new HttpsTransport({ authority: server.authority });
  const guest = new FleetClient({ url: server.url, transport: transport.send });
  const admin = await logIn(guest, server.url, transport);
  for (const [name, digest] of Object.entries(digests)) {
    await admin.call('releases.put', { params: { name }, body: release(name, images, digest) });
  }
  await admin.call('fleets.put', { params: { name: 'shops' }, body: shops() });
  const authority = join(directory.path, 'authority.pem');
  await writeFile(authority, server.authority);

  const running = machine.run(
    `server = '${server.url}'\nauthority = '${authority}'\n[labels]\nsite = 'berlin'\n`,
  );
  try {
    await letIn(admin, machine);
    const lists = async () => (await admin.call('devices.list', {})).items;
    const [device] = await until(lists, ([first]) => first?.status.report?.configDigest !== undefined);
    const name = device?.metadata.name ?? '';
    expect(device).toMatchObject({
      metadata: { labels: { kind: 'shop', site: 'berlin' } },
      status: {
        connection: { state: 'online' },
        update: { release: 'v1' },
        report: { image: { booted: { digest: digests.v1 } }, health: { state: 'healthy' }, etcDriftCount: 0 },
      },
    });
    expect(await readFile(join(machine.root, 'etc/shop.conf'), 'utf8')).toBe('site=berlin\n');
    // The check-in that followed has confirmed it.
    const pending = join(machine.files.directory, 'config-pending.json');
    await until(
      async () =>
        await access(pending).then(
          () => 'there',
          () => 'gone',
        ),
      (state) => state === 'gone',
    );

    const rolled = async (rollout: string, state: string) =>
      await until(
        async () => (await admin.call('rollouts.get', { params: { name: rollout } })).status,
        (status) => status.state === state,
      );
    await admin.call('fleets.put', { params: { name: 'shops' }, body: shops({ release: 'v2' }) });
    await rolled('shops-1', 'succeeded');
    const words = async () => (await readFile(hookLog, 'utf8')).trim().split('\n');
    expect(await until(words, (all) => all.length === MOMENTS.length)).toEqual([...MOMENTS]);
    expect(await readFile(join(machine.host.etc, 'default'), 'utf8')).toBe('v2');

    await admin.call('rollouts.rollback', {
      params: { name: 'shops-1' },
      body: { reason: 'shops are slow' },
    });
    await rolled('shops-1', 'rolled-back');
    expect(await readFile(join(machine.host.etc, 'default'), 'utf8')).toBe('v1');

    machine.bad = 'v3';
    const spec = { fleet: 'shops', release: 'v3' };
    await admin.call('rollouts.create', {
      body: { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: 'bad' }, spec },
    });
    const halted = await rolled('bad', 'halted');
    expect(halted.counts).toMatchObject({ total: 1, failed: 1 });
    const failed = await admin.call('devices.get', { params: { name } });
    expect(failed.status.update).toMatchObject({ state: 'failed', release: 'v1', denied: [digests.v3] });
    expect(failed.status.update.whyNotUpToDate).toContain('went back by itself');

    await admin.call('devices.decommission', { params: { name }, body: { reason: 'sold' } });
    await running;
    expect(machine.isForgotten).toBe(true);
    expect(await readFile(join(machine.root, 'etc/shop.conf'), 'utf8')).toBe('as it was\n');
    await expect(access(join(machine.files.directory, 'key.pem'))).rejects.toThrow('ENOENT');
  } finally {
    machine.switchOff();
    await running;
  }
});

test('a key the TPM sealed enrols, renews, is there after a restart, and goes with the device', async () => {
  await using directory = await hostDir('fleet-agent-tpm');
  await using device = await startTestTpm(join(directory.path, 'tpm'));
  const machine = (host: TestHost): Machine => new Machine(directory.path, host, new Tpm(device.tcti));
  const host = await installed(directory.path);
  await bless(host);
  // A certificate is renewed after two thirds of its ninety days.
  let behindMs = 61 * DAY_MS;
  await using server = await serveFleet({
    root: directory.path,
    port: 0,
    firstPassword: PASSWORD,
    clock: { nowMs: () => Date.now() - behindMs },
  });
  using transport = new HttpsTransport({ authority: server.authority });
  const guest = new FleetClient({ url: server.url, transport: transport.send });
  const before = await logIn(guest, server.url, transport);
  await before.call('fleets.put', { params: { name: 'shops' }, body: shops({ selector: '' }) });
  const token = await before.call('enrolmentTokens.create', { body: { name: 'one' } });
  const authority = join(directory.path, 'authority.pem');
  await writeFile(authority, server.authority);
  const config = `server = '${server.url}'\nauthority = '${authority}'\ntoken = '${token.secret}'\ndevice-key = 'tpm'\n`;
  const first = machine(host);
  const firstRun = first.run(config);
  const seen = async (client: FleetClient) => (await client.call('devices.list', {})).items[0];
  const enrolled = await until(
    async () => await seen(before),
    (found) => found?.status.report != null,
  );
  expect(enrolled?.status.report?.facts).toMatchObject({ keyStorage: 'tpm' });
  behindMs = 0;
  const admin = await logIn(guest, server.url, transport);
  // It waits for an order: one comes.
  await admin.call('fleets.put', {
    params: { name: 'shops' },
    body: shops({ selector: '', trySeconds: 200 }),
  });
  const serialOf = (found: typeof enrolled): string | undefined => found?.status.certificate?.serial;
  await until(
    async () => await seen(admin),
    (found) => serialOf(found) !== serialOf(enrolled),
  );
  first.switchOff();
  await firstRun;
  const directoryOfAgent = first.files.directory;
  for (const name of await readdir(directoryOfAgent)) {
    expect(await readFile(join(directoryOfAgent, name), 'utf8')).not.toContain('PRIVATE KEY');
  }
  const sealed = await readFile(join(directoryOfAgent, 'key.tpm.json'), 'utf8');

  // Started again it shows the new certificate, by the same key, and hears that it is no device any more.
  const second = machine(host);
  const secondRun = second.run(config);
  const params = { name: enrolled?.metadata.name ?? '' };
  const offMs = Date.now();
  await until(
    async () => await seen(admin),
    (found) => Date.parse(found?.status.connection.lastSeenAt ?? '') > offMs,
  );
  expect(await readFile(join(directoryOfAgent, 'key.tpm.json'), 'utf8')).toBe(sealed);
  await admin.call('devices.decommission', { params, body: { reason: 'sold' } });
  await secondRun;
  expect(second.isForgotten).toBe(true);
  for (const name of ['key.tpm.json', 'key.pem', 'identity.json']) {
    await expect(access(join(directoryOfAgent, name))).rejects.toThrow('ENOENT');
  }
});
