import { HttpsTransport } from '@slipway/agent';
import { FleetClient } from '@slipway/fleet-api';
import { certificateRequest, makeDeviceKey } from '../../packages/agent/src/protocol/device-key.ts';
import { DeviceConnection, type DeviceConnectionOptions } from './device-connection.ts';
import { LoadDevice } from './load-device.ts';
import type { MeasuredServer } from './measured-server.ts';

/** What was released, and what all are to run. */
const RELEASE = 'bench-v1';
export const FLEET = 'bench';
/** So many at once keep a server busy, and none of them waiting for long. */
const LANES = 8;
const SAY_EVERY = 5000;

type Place = Omit<DeviceConnectionOptions, 'key' | 'certificate'>;

/**
 * A fleet, and its devices: each with a key and certificate of its own, each having said what it is.
 *
 * @param maxKept where there are more, none holds its connection between two check-ins
 */
export async function enrolDevices(
  server: MeasuredServer,
  count: number,
  maxKept: number,
): Promise<readonly LoadDevice[]> {
  const token = await makeFleet(server.admin, count);
  const { hostname: host, port } = new URL(server.url);
  const isKept = count <= maxKept;
  const place: Place = { host, port: Number(port), authority: server.authority, isKept };
  const devices: LoadDevice[] = [];
  const numbers = Array.from({ length: count }, (_, index) => index).values();
  const lane = async (): Promise<void> => {
    using transport = new HttpsTransport({ authority: server.authority });
    const client = new FleetClient({ url: server.url, transport: transport.send });
    for (const number of numbers) {
      const device = await enrolOne(client, place, token, number);
      await device.introduce();
      devices.push(device);
      if (devices.length % SAY_EVERY === 0) process.stdout.write(`${devices.length} devices enrolled\n`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return devices;
}

async function enrolOne(
  client: FleetClient,
  place: Place,
  token: string,
  number: number,
): Promise<LoadDevice> {
  const key = await makeDeviceKey();
  const labels = {
    kind: 'shop',
    store: `store-${number % 1000}`,
    stage: number % 50 === 0 ? 'canary' : 'wide',
  };
  const { name, certificate } = await client.call('enrol.ask', {
    body: { csr: await certificateRequest(key), token, hostname: `bench-${number}`, labels },
  });
  if (certificate === null) throw new Error(`${name} was not let in`);
  return new LoadDevice(new DeviceConnection({ ...place, key, certificate }));
}

async function makeFleet(admin: FleetClient, devices: number): Promise<string> {
  const images = [
    {
      architecture: 'amd64',
      reference: 'registry.example/bench:v1',
      digests: [`sha256:${'1'.repeat(64)}`] as [string],
    },
  ];
  const common = { apiVersion: 'slipway/v1' } as const;
  await admin.call('releases.put', {
    params: { name: RELEASE },
    body: { ...common, kind: 'Release', metadata: { name: RELEASE }, spec: { version: '1', images } },
  });
  await admin.call('fleets.put', {
    params: { name: FLEET },
    body: {
      ...common,
      kind: 'Fleet',
      metadata: { name: FLEET },
      spec: { selector: 'kind=shop', release: RELEASE, intervalSeconds: 60 },
    },
  });
  const { secret } = await admin.call('enrolmentTokens.create', { body: { name: FLEET, uses: devices } });
  return secret;
}
