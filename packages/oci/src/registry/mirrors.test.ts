/** The client where registries.conf sends it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { startFaultProxy } from '../testing/fault-proxy.ts';
import { bulk, RegistryLab, source } from '../testing/registry-lab.ts';
import { collect } from '../testing/small-image.ts';
import { type RegistryEntry } from './registries-conf.ts';

let lab: RegistryLab;

beforeAll(async () => {
  lab = await RegistryLab.open();
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

describe('registries.conf', () => {
  const entry = (part: Partial<RegistryEntry>): RegistryEntry => ({
    prefix: 'os.example',
    location: 'os.example',
    blocked: false,
    insecure: undefined,
    mirrors: [],
    ...part,
  });

  test('a place that moved, a mirror that fails, one that works, a block', async () => {
    await using moved = source('os.example/os:v1', { registries: [entry({ location: lab.plain })] });
    await lab.pull(moved);
    const mirrors = ['127.0.0.1:1', lab.plain].map((location) => ({
      location,
      insecure: undefined,
      pullFrom: 'all' as const,
    }));
    await using mirrored = source('os.example/os:v1', {
      registries: [entry({ location: 'os.invalid', mirrors })],
    });
    await lab.pull(mirrored);
    await using blocked = source('os.example/os:v1', { registries: [entry({ blocked: true })] });
    await expect(blocked.resolve('amd64')).rejects.toMatchObject({ code: 'OCI_BLOCKED' });
  });

  test('a mirror that stops in the middle of a blob hands over to the next place', async () => {
    await using mirror = await startFaultProxy(lab.plain);
    let cuts = 0;
    mirror.fault = ({ method, path }) => {
      if (method !== 'GET' || !path.includes('/blobs/')) return undefined;
      cuts += 1;
      return cuts === 1 ? { kind: 'cut', afterBytes: 100_000 } : { kind: 'answer', status: 404 };
    };
    await using origin = await startFaultProxy(lab.plain);
    const mirrors = [{ location: mirror.host, insecure: undefined, pullFrom: 'all' as const }];
    await using from = source('os.example/os:v1', {
      registries: [entry({ location: origin.host, mirrors })],
    });
    const resolved = await from.resolve('amd64').catch(() => undefined);
    // The configuration was found at the origin already.
    expect(resolved?.manifestDigest).toBe(lab.image.digest);
    cuts = 0;
    const layer = bulk(resolved ?? (await from.resolve('amd64')));
    expect(digestOf(await collect(from.openBlob(layer)))).toBe(layer.digest);
    expect(cuts).toBe(2);
    expect(origin.seen.at(-1)?.range).toBe('bytes=100000-');
  });
});
