/** Certificates of a fleet as OpenSSH takes them: read by `ssh-keygen`, used by `ssh` against `sshd`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { enrol, FleetLink, HttpsTransport, keepSshCertificates, type SshPlaces } from '@slipway/agent';
import { makeTempDir, run, silentLog, systemClock, type TempDir } from '@slipway/core';
import { FleetClient } from '@slipway/fleet-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { logIn, startFleetServer, type TestFleetServer } from './harness/fleet-server.ts';
import { slipway } from './harness/slipway.ts';

const FLEET = `apiVersion: slipway/v1
kind: Fleet
metadata: {name: shops}
spec: {selector: kind=shop}
---
apiVersion: slipway/v1
kind: Fleet
metadata: {name: cars}
spec: {selector: kind=car}
---
apiVersion: slipway/v1
kind: Role
metadata: {name: helper}
spec: {permissions: ["devices:ssh"]}
`;

let directory: TempDir;
let server: TestFleetServer;
let device: string;
let places: SshPlaces;
let sshd: ChildProcess;
let port: number;
let address: string;

beforeAll(async () => {
  directory = await makeTempDir('fleet-ssh');
  server = await startFleetServer(directory.path);
  await logIn(server);
  const file = join(directory.path, 'fleet.yaml');
  await writeFile(file, FLEET);
  await fleet('apply', '-f', file);
  places = { hostKey: join(directory.path, 'host.pub'), directory: join(directory.path, 'ssh') };
  await newKey('host');
  device = await becomeDevice();
  await writeFile(join(directory.path, 'known_hosts'), await fleet('ssh', 'known-hosts'));
  // What the agent wrote and what the command does are the same, but for the time.
  const ofAgent = await readFile(join(places.directory, 'revoked'));
  await takeRevocations();
  expect(ofAgent).toHaveLength((await readFile(revocations())).length);
  port = await freePort();
  sshd = await startSshd();
});

afterAll(async () => {
  const ended = once(sshd, 'close');
  sshd.kill('SIGTERM');
  await ended;
  await server[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

async function fleet(...args: readonly string[]): Promise<string> {
  const { stdout } = await slipway(['fleet', ...args], { env: server.env });
  return stdout.toString('utf8');
}

function revocations(): string {
  return join(directory.path, 'revoked');
}

/** What is revoked now, where ssh reads it, and where sshd does. */
async function takeRevocations(): Promise<void> {
  const { stdout } = await slipway(['fleet', 'ssh', 'revoked'], { env: server.env });
  await writeFile(revocations(), stdout);
  await writeFile(join(places.directory, 'revoked'), stdout);
}

/** As `ssh-keygen` reads the list: whether it names what is in a file. */
async function isRevoked(path: string): Promise<boolean> {
  const { exitCode } = await run(['ssh-keygen', '-Q', '-f', revocations(), path], {
    describe: 'look into a list of revoked keys',
    allowExitCodes: [1],
  });
  return exitCode !== 0;
}

async function newKey(name: string): Promise<string> {
  const path = join(directory.path, name);
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path], {
    describe: 'make a key',
  });
  return path;
}

/** Enrols as a host does, and lets the part of the agent that looks after ssh do its work once. */
async function becomeDevice(): Promise<string> {
  const token = (await fleet('token', 'shops', '--enrol', '--label', 'kind=shop')).trim();
  const authority = await readFile(server.caPath, 'utf8');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const over = new AbortController();
  const ask = { token, hostname: 'till' };
  const identity = await enrol({ server: server.url, authority, key, ask, signal: over.signal });
  using link = new FleetLink({ server: server.url, identity });
  const keeping = keepSshCertificates({ link, places, clock: systemClock, log: silentLog }, over.signal);
  await present(join(places.directory, 'kept.json'));
  over.abort();
  await keeping;
  return identity.name;
}

async function present(path: string): Promise<void> {
  while ((await readFile(path, 'utf8').catch(() => '')) === '') await sleep(20);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const found = (probe.address() as { readonly port: number }).port;
  probe.close();
  await once(probe, 'close');
  return found;
}

/** As the documentation says, but for what belongs to a machine: its port, and who owns the directories above the files. */
async function startSshd(): Promise<ChildProcess> {
  address = `${userInfo().username}@127.0.0.1`;
  const config = join(directory.path, 'sshd_config');
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(directory.path, 'host')}`,
    `HostCertificate ${join(places.directory, 'host-cert.pub')}`,
    `TrustedUserCAKeys ${join(places.directory, 'user-authority.pub')}`,
    `AuthorizedPrincipalsFile ${join(places.directory, 'principals')}`,
    `RevokedKeys ${join(places.directory, 'revoked')}`,
    'AuthorizedKeysFile none',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  // Of whoever else it is no concern of sshd.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true });
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  while (!(await answers())) await sleep(50);
  return child;
}

async function answers(): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** What ssh prints, or how it failed. */
async function ssh(key: string, alias = device, known = 'known_hosts'): Promise<string> {
  const options = [
    `UserKnownHostsFile=${join(directory.path, known)}`,
    'GlobalKnownHostsFile=/dev/null',
    `RevokedHostKeys=${revocations()}`,
    `HostKeyAlias=${alias}`,
    'StrictHostKeyChecking=yes',
    'IdentitiesOnly=yes',
    'BatchMode=yes',
  ].flatMap((option) => ['-o', option]);
  const argv: readonly [string, ...string[]] = [
    'ssh',
    '-F',
    'none',
    '-p',
    String(port),
    '-i',
    key,
    ...options,
    address,
    'echo let in',
  ];
  const { exitCode, stdout, stderr } = await run(argv, { describe: 'log in', allowExitCodes: [255] });
  return exitCode === 0 ? stdout.toString('utf8') : stderr;
}

async function certificateWords(path: string): Promise<string> {
  const { stdout } = await run(['ssh-keygen', '-L', '-f', path], { describe: 'read a certificate' });
  return stdout.toString('utf8');
}

test('a person logs in with a certificate, and knows the device by its own', async () => {
  const key = await newKey('operator');
  expect(await fleet('ssh', 'certificate', '--key', `${key}.pub`)).toContain('for organisation:default');
  expect(await ssh(key)).toBe('let in\n');
  const words = await certificateWords(`${key}-cert.pub`);
  expect(words).toContain('Type: ssh-ed25519-cert-v01@openssh.com user certificate');
  expect(words).toContain('Key ID: "user:admin@default"');
  expect(words).toMatch(/Principals: \n\s+organisation:default\n/);
  expect(words).toMatch(/Extensions: \n\s+permit-port-forwarding\n\s+permit-pty\n/);
  const host = await certificateWords(join(places.directory, 'host-cert.pub'));
  expect(host).toContain('host certificate');
  expect(host).toMatch(new RegExp(`Principals: \\n\\s+${device}\\n`));
});

test('a device is not taken for another', async () => {
  const key = await newKey('careful');
  await fleet('ssh', 'certificate', '--key', `${key}.pub`);
  expect(await ssh(key, 'another-device')).toContain('Host key verification failed');
});

test('a key without a certificate does not get in, nor one that signed its own', async () => {
  const key = await newKey('stranger');
  expect(await ssh(key)).toContain('Permission denied');
  const authority = await newKey('authority');
  const argv: readonly [string, ...string[]] = [
    'ssh-keygen',
    '-q',
    '-s',
    authority,
    '-I',
    'me',
    '-n',
    'organisation:default',
    `${key}.pub`,
  ];
  await run(argv, { describe: 'forge a certificate' });
  expect(await ssh(key)).toContain('Permission denied');
});

test('a role that reaches one fleet gets into its devices, and into no others', async () => {
  const asHelperOf = async (name: string): Promise<string> => {
    const secret = (await fleet('token', name, '--role', 'helper', '--fleet', name)).trim();
    const key = await newKey(`helper-of-${name}`);
    const env = {
      SLIPWAY_FLEET_URL: server.url,
      SLIPWAY_FLEET_TOKEN: secret,
      SLIPWAY_FLEET_CA: server.caPath,
    };
    await slipway(['fleet', 'ssh', 'certificate', '--key', `${key}.pub`], { env });
    return await ssh(key);
  };
  expect(await asHelperOf('shops')).toBe('let in\n');
  expect(await asHelperOf('cars')).toContain('Permission denied');
});

test('a certificate for one device is good for it', async () => {
  const key = await newKey('narrow');
  await fleet('ssh', 'certificate', '--key', `${key}.pub`, '--device', device, '--hours', '1');
  expect(await certificateWords(`${key}-cert.pub`)).toMatch(
    new RegExp(`Principals: \\n\\s+device:${device}\\n`),
  );
  expect(await ssh(key)).toBe('let in\n');
});

test('refuses what it does not sign, and devices nobody has', async () => {
  const path = join(directory.path, 'ecdsa');
  await run(['ssh-keygen', '-q', '-t', 'ecdsa', '-N', '', '-f', path], { describe: 'make a key' });
  const asked = async (...args: readonly string[]): Promise<number> => {
    const { exitCode } = await slipway(['fleet', 'ssh', 'certificate', ...args], {
      env: server.env,
      allowExitCodes: [1, 3],
    });
    return exitCode;
  };
  expect(await asked('--key', `${path}.pub`)).toBe(3);
  expect(await asked('--key', join(directory.path, 'host.pub'), '--device', 'nobody')).toBe(1);
});

/** The API as the administrator. Disposing of the transport closes its connection. */
async function api(transport: HttpsTransport): Promise<FleetClient> {
  const kept = await readFile(join(directory.path, 'config', 'slipway', 'fleet.json'), 'utf8');
  const { secret } = JSON.parse(kept) as { readonly secret: string };
  const headers = (): Readonly<Record<string, string>> => ({ authorization: `Bearer ${secret}` });
  return new FleetClient({ url: server.url, transport: transport.send, headers });
}

test('every certificate is in the audit log', async () => {
  using transport = new HttpsTransport({ authority: await readFile(server.caPath, 'utf8') });
  const client = await api(transport);
  const { items } = await client.call('audit.list', { query: { limit: 1000 } });
  const told = items.filter(({ target }) => target?.startsWith('SshCertificate/') === true);
  const keyIds = new Set(told.map(({ detail }) => String(detail['keyId'])));
  const ofPeople = ['token:cars@default', 'token:shops@default', 'user:admin@default'];
  expect(keyIds).toEqual(new Set([`device:${device}`, ...ofPeople]));
  expect(await client.call('audit.verify', {})).toMatchObject({ intact: true });
});

test('a token that is gone leaves certificates behind that nobody takes', async () => {
  const secret = (await fleet('token', 'leaving', '--role', 'operator')).trim();
  const key = await newKey('leaving');
  const env = {
    SLIPWAY_FLEET_URL: server.url,
    SLIPWAY_FLEET_TOKEN: secret,
    SLIPWAY_FLEET_CA: server.caPath,
  };
  await slipway(['fleet', 'ssh', 'certificate', '--key', `${key}.pub`], { env });
  // As it is before the agent was there for the first time.
  await writeFile(join(places.directory, 'revoked'), '');
  expect(await ssh(key)).toBe('let in\n');
  await takeRevocations();
  expect(await isRevoked(`${key}-cert.pub`)).toBe(false);
  expect(await ssh(key)).toBe('let in\n');
  using transport = new HttpsTransport({ authority: await readFile(server.caPath, 'utf8') });
  await (await api(transport)).call('tokens.delete', { params: { name: 'leaving' } });
  await takeRevocations();
  expect(await isRevoked(`${key}-cert.pub`)).toBe(true);
  // Their key is theirs: another certificate for it is good.
  expect(await isRevoked(`${key}.pub`)).toBe(false);
  expect(await ssh(key)).toContain('Permission denied');
  await fleet('ssh', 'certificate', '--key', `${key}.pub`);
  expect(await ssh(key)).toBe('let in\n');
});

test('a device that is decommissioned is no longer known, by its certificate or by its key', async () => {
  const key = await newKey('afterwards');
  await fleet('ssh', 'certificate', '--key', `${key}.pub`);
  const certificate = join(places.directory, 'host-cert.pub');
  const hostKey = await readFile(places.hostKey, 'utf8');
  await writeFile(join(directory.path, 'known_keys'), `${device} ${hostKey}`);
  expect([await isRevoked(certificate), await isRevoked(places.hostKey)]).toEqual([false, false]);
  expect([await ssh(key), await ssh(key, device, 'known_keys')]).toEqual(['let in\n', 'let in\n']);
  using transport = new HttpsTransport({ authority: await readFile(server.caPath, 'utf8') });
  await (await api(transport)).call('devices.decommission', { params: { name: device }, body: {} });
  await takeRevocations();
  expect([await isRevoked(certificate), await isRevoked(places.hostKey)]).toEqual([true, true]);
  expect(await ssh(key)).toContain('Host key verification failed');
  expect(await ssh(key, device, 'known_keys')).toContain('Host key verification failed');
});
