import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { type AccelerationSources, findAcceleration } from './acceleration.ts';

/** A machine with /dev/kvm, and a probe that answers and counts. */
async function machine(
  answer: string | undefined,
): Promise<
  AsyncDisposable & { readonly sources: AccelerationSources; readonly path: string; probes(): number }
> {
  const dir = await makeTempDir('acceleration-test');
  await writeFile(join(dir.path, 'kvm'), '');
  await writeFile(join(dir.path, 'boot_id'), 'first\n');
  let probes = 0;
  const probe = async (): Promise<string | undefined> => {
    probes += 1;
    return answer;
  };
  const sources = {
    environment: {},
    kvmDevice: join(dir.path, 'kvm'),
    bootIdFile: join(dir.path, 'boot_id'),
    cacheDirectory: join(dir.path, 'cache'),
    probe,
  };
  return {
    sources,
    path: dir.path,
    probes: () => probes,
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

describe.runIf(process.arch === 'x64')('acceleration', () => {
  test.each([
    [undefined, { kind: 'kvm' }],
    ['it hangs', { kind: 'tcg', reason: 'KVM does not work: it hangs' }],
  ])('a probe that says %j is asked once per boot', async (refusal, expected) => {
    await using it = await machine(refusal);
    expect(await findAcceleration(it.sources)).toEqual(expected);
    expect(await findAcceleration(it.sources)).toEqual(expected);
    expect(it.probes()).toBe(1);
    await writeFile(join(it.path, 'boot_id'), 'second\n');
    expect(await findAcceleration(it.sources)).toEqual(expected);
    expect(it.probes()).toBe(2);
  });

  test('a damaged cache is asked again, and mended', async () => {
    await using it = await machine(undefined);
    await findAcceleration(it.sources);
    const cache = join(it.path, 'cache/acceleration.json');
    for (const damage of ['', 'null', '{"bootId":"first"}', '{"bootId":"first","kind":"tcg"}', '\0']) {
      await writeFile(cache, damage);
      expect(await findAcceleration(it.sources)).toEqual({ kind: 'kvm' });
    }
    expect(JSON.parse(await readFile(cache, 'utf8'))).toEqual({ bootId: 'first', kind: 'kvm' });
    expect(it.probes()).toBe(6);
  });

  test('a cache that cannot be written costs nothing but the next probe', async () => {
    await using it = await machine(undefined);
    const sources = { ...it.sources, cacheDirectory: join(it.path, 'kvm', 'no-directory') };
    expect(await findAcceleration(sources)).toEqual({ kind: 'kvm' });
    expect(await findAcceleration(sources)).toEqual({ kind: 'kvm' });
    expect(it.probes()).toBe(2);
  });

  test('no device, no probe', async () => {
    await using it = await machine(undefined);
    const found = await findAcceleration({ ...it.sources, kvmDevice: join(it.path, 'missing') });
    expect(found).toMatchObject({ kind: 'tcg', reason: expect.stringContaining('no such file') });
    expect(it.probes()).toBe(0);
  });

  test('SLIPWAY_ACCEL decides, and must be understood', async () => {
    await using it = await machine('it hangs');
    const found = async (value: string): Promise<string> =>
      (await findAcceleration({ ...it.sources, environment: { SLIPWAY_ACCEL: value } })).kind;
    expect(await found('kvm')).toBe('kvm');
    expect(await found('tcg')).toBe('tcg');
    expect(it.probes()).toBe(0);
    await expect(found('hvf')).rejects.toMatchObject({ code: 'USAGE' });
    expect(await found('')).toBe('tcg');
  });
});
