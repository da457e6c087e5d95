/** Certificates of devices over their whole life, with the connection agents have. What is long ago was issued by a server whose clock was behind. */
import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentFiles, type DeviceIdentity, FleetLink, runAgent, type SlipwayHost } from '@slipway/agent';
import { makeTempDir, silentLog, type TempDir } from '@slipway/core';
import type { CheckInAnswer, FleetClient } from '@slipway/fleet-api';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type FleetServer, serveFleet } from '../server/serve-fleet.ts';
import { failuresLog } from '../testing/failures-log.ts';
import { adminOf, PASSWORD } from '../testing/running-server.ts';
import { clientOf } from '../testing/test-client.ts';
import { newHostKey, reportOf } from '../testing/test-device.ts';

const DAY_MS = 86_400_000;
const IMAGE = { reference: 'registry.example/shop:v1', digest: `sha256:${'a'.repeat(64)}` };
const REPORT = reportOf(IMAGE, { phase: 'idle', updateId: null, target: null });
const REFUSAL = { problem: { code: 'FLEET_UNAUTHENTICATED' } };

let directory: TempDir;
let server: FleetServer;
let admin: FleetClient;
let offsetMs = 0;

beforeAll(async () => {
  directory = await makeTempDir('fleet-certificates');
  // The authority is older than every certificate.
  offsetMs = -200 * DAY_MS;
  const clock = { nowMs: () => Date.now() + offsetMs };
  server = await serveFleet({
    root: directory.path,
    port: 0,
    firstPassword: PASSWORD,
    log: failuresLog,
    clock,
  });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

beforeEach(async () => {
  offsetMs = 0;
  admin = await adminOf(server);
});

interface Host extends DeviceIdentity {
  readonly csr: string;
}

/** A device that was let in so many days ago; its certificate lives for 90. */
async function enrolled(daysAgo: number): Promise<Host> {
  const { csr, keyPem: key } = await newHostKey();
  const host = clientOf(server.url, server.authority);
  const { name } = await host.call('enrol.ask', { body: { csr, labels: { site: 'berlin' } } });
  offsetMs = -daysAgo * DAY_MS;
  // The session of now is good then as well: sessions look only at their end.
  await admin.call('enrolments.approve', { params: { name }, body: { labels: { stage: 'canary' } } });
  offsetMs = 0;
  const { certificate } = await host.call('enrol.poll', { params: { name } });
  return { name, key, csr, certificate: certificate ?? '', authority: server.authority };
}

function linkOf(identity: DeviceIdentity, keep?: (renewed: DeviceIdentity) => Promise<void>): FleetLink {
  return new FleetLink({ server: server.url, identity, ...(keep === undefined ? {} : { keep }) });
}

async function checkIn(identity: DeviceIdentity): Promise<CheckInAnswer> {
  using link = linkOf(identity);
  return await link.checkIn({ reportTag: 'a', report: REPORT }, AbortSignal.timeout(60_000));
}

async function renewed(identity: DeviceIdentity): Promise<DeviceIdentity> {
  let kept = identity;
  using link = linkOf(identity, async (now) => void (kept = now));
  await link.renew(AbortSignal.timeout(60_000));
  return kept;
}

test('a certificate is renewed when a third of its life is left, and not before', async () => {
  expect(await checkIn(await enrolled(59))).toMatchObject({ renewCertificate: false });
  const host = await enrolled(61);
  expect(await checkIn(host)).toMatchObject({ renewCertificate: true });
  const identity = await renewed(host);
  expect(identity).toMatchObject({ name: host.name, key: host.key });
  const days = (Date.parse(new X509Certificate(identity.certificate).validTo) - Date.now()) / DAY_MS;
  expect(days).toBeGreaterThan(89);
  expect(await checkIn(identity)).toMatchObject({ renewCertificate: false });
  const { items } = await admin.call('devices.timeline', { params: { name: host.name }, query: {} });
  expect(items.map(({ what }) => what)).toContain('certificate-renewed');
});

test('the old certificate is good until the new one was used, if only to say that nothing is new', async () => {
  const host = await enrolled(61);
  await checkIn(host);
  // The answer is lost, twice.
  const lost = await renewed(host);
  expect(await checkIn(host)).toMatchObject({ renewCertificate: true });
  const identity = await renewed(host);
  await expect(checkIn(lost)).rejects.toMatchObject(REFUSAL);
  expect(await checkIn(host)).toMatchObject({ reportWanted: false });
  expect(await checkIn(identity)).toMatchObject({ reportWanted: false });
  await expect(checkIn(host)).rejects.toMatchObject(REFUSAL);
  await expect(renewed(host)).rejects.toMatchObject(REFUSAL);
});

test('a host that lost its certificate and not its key gets the one it has now', async () => {
  const host = await enrolled(61);
  const { certificate } = await renewed(host);
  const again = await clientOf(server.url, server.authority).call('enrol.ask', { body: { csr: host.csr } });
  expect(again).toMatchObject({ state: 'approved', certificate });
});

test('a certificate that ended is good for nothing; its host waits in the lobby, and is the device it was', async () => {
  const host = await enrolled(91);
  await expect(checkIn(host)).rejects.toMatchObject(REFUSAL);
  await expect(renewed(host)).rejects.toMatchObject(REFUSAL);
  const open = clientOf(server.url, server.authority);
  const asked = await open.call('enrol.ask', { body: { csr: host.csr, labels: { site: 'elsewhere' } } });
  expect(asked).toMatchObject({ name: host.name, state: 'pending', certificate: null });
  await expect(checkIn(host)).rejects.toMatchObject(REFUSAL);
  await admin.call('enrolments.approve', { params: { name: host.name }, body: {} });
  const { certificate } = await open.call('enrol.poll', { params: { name: host.name } });
  expect(await checkIn({ ...host, certificate: certificate ?? '' })).toMatchObject({
    renewCertificate: false,
  });
  const device = await admin.call('devices.get', { params: { name: host.name } });
  expect(device.metadata.labels).toEqual({ site: 'berlin', stage: 'canary' });
  await expect(checkIn(host)).rejects.toMatchObject(REFUSAL);
});

test('an agent whose certificate ended while its host was off asks to be let in as the device it was', async () => {
  const host = await enrolled(91);
  await using own = await makeTempDir('fleet-agent');
  const files = new AgentFiles(own.path, silentLog);
  await files.saveKey(host.key);
  await files.saveIdentity(server.url, host);
  const authority = join(own.path, 'authority.pem');
  await writeFile(authority, server.authority);
  const waiting = new AbortController();
  const said: unknown[] = [];
  const running = runAgent({
    config: {
      server: server.url,
      authority,
      token: 'used up',
      organisation: undefined,
      labels: {},
      ssh: false,
      deviceKey: 'file',
    },
    files,
    // Nothing is done to a host that is no device.
    host: {} as SlipwayHost,
    signal: waiting.signal,
    log: {
      ...silentLog,
      info: (message, fields) => {
        said.push([message, fields?.['name']]);
        waiting.abort();
      },
    },
  });
  await expect(running).rejects.toThrow();
  expect(said).toEqual([['waiting to be let in', host.name]]);
  const pending = await admin.call('enrolments.get', { params: { name: host.name } });
  expect(pending.status).toMatchObject({ state: 'pending' });
});

test('a connection does not outlive its certificate', async () => {
  const host = await enrolled(0);
  using link = linkOf(host);
  const body = { reportTag: 'a', report: REPORT };
  await link.checkIn(body, AbortSignal.timeout(60_000));
  offsetMs = 91 * DAY_MS;
  await expect(link.checkIn(body, AbortSignal.timeout(60_000))).rejects.toMatchObject({
    problem: { detail: expect.stringContaining('has ended') },
  });
});

test('a certificate of another fleet is none of this one', async () => {
  await using other = await makeTempDir('fleet-other');
  await using elsewhere = await serveFleet({
    root: other.path,
    port: 0,
    firstPassword: PASSWORD,
    log: failuresLog,
  });
  const host = await enrolled(0);
  using link = new FleetLink({
    server: elsewhere.url,
    identity: { ...host, authority: elsewhere.authority },
  });
  await expect(link.checkIn({ reportTag: 'a' }, AbortSignal.timeout(60_000))).rejects.toMatchObject(REFUSAL);
});
