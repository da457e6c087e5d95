import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import type { Digest } from '../image.ts';
import { parseReference, type RegistryReference, withDigest } from '../reference.ts';
import { loadRegistriesConf, parseRegistriesConf, pullLocations, pushLocation } from './registries-conf.ts';

const reference = (text: string): RegistryReference => parseReference(text) as RegistryReference;

const CONF = `
unqualified-search-registries = ["r.example"]

[[registry]]
location = "10.0.2.2:5000"
insecure = true

[[registry]]
prefix = "r.example/team"
location = "moved.example/group"
[[registry.mirror]]
location = "mirror.example/group"
[[registry.mirror]]
location = "near.example:5000/cache"
insecure = true
pull-from-mirror = "digest-only"

[[registry]]
prefix = "*.blocked.example"
blocked = true

[[registry]]
prefix = "secure.example"
insecure = false
`;

describe('registries.conf', () => {
  test('where to pull from and push to', async () => {
    const entries = await parseRegistriesConf(CONF, 'registries.conf');
    const places = (text: string): string[] =>
      pullLocations(reference(text), entries).map(
        ({ registry, repository, insecure }) => `${registry}/${repository} ${insecure}`,
      );
    expect(places('10.0.2.2:5000/os')).toEqual(['10.0.2.2:5000/os true']);
    expect(places('r.example/other')).toEqual(['r.example/other undefined']);
    expect(places('r.example/teams')).toEqual(['r.example/teams undefined']);
    expect(places('r.example/team/os')).toEqual([
      'mirror.example/group/os undefined',
      'moved.example/group/os undefined',
    ]);
    const pinned = withDigest(reference('r.example/team/os'), `sha256:${'0'.repeat(64)}` as Digest);
    expect(pullLocations(pinned, entries).map(({ registry }) => registry)).toEqual([
      'mirror.example',
      'near.example:5000',
      'moved.example',
    ]);
    expect(pushLocation(reference('r.example/team/os'), entries)).toEqual({
      registry: 'moved.example',
      repository: 'group/os',
      insecure: undefined,
    });
    expect(places('secure.example/os')).toEqual(['secure.example/os false']);
    expect(() => places('a.blocked.example/os')).toThrow(expect.objectContaining({ code: 'OCI_BLOCKED' }));
    expect(() => pushLocation(reference('b.a.blocked.example:5000/os'), entries)).toThrow(
      'registries.conf blocks *.blocked.example',
    );
    expect(places('notblocked.example/os')).toHaveLength(1);
  });

  test('a wildcard covers hosts, with ports and paths, and may have mirrors', async () => {
    const conf = `
[[registry]]
prefix = "*.wide.example"
[[registry.mirror]]
location = "mirror.example/wide"
[[registry]]
prefix = "*.wide.example/team"
location = "team.example"
`;
    const entries = await parseRegistriesConf(conf, 'registries.conf');
    const places = (text: string): string[] =>
      pullLocations(reference(text), entries).map(({ registry, repository }) => `${registry}/${repository}`);
    expect(places('a.wide.example/os')).toEqual(['mirror.example/wide/os', 'a.wide.example/os']);
    expect(places('a.b.wide.example:5000/os')[1]).toBe('a.b.wide.example:5000/os');
    expect(places('a.wide.example/team/os')).toEqual(['team.example/os']);
    expect(places('wide.example.wide.example/team/os')).toEqual(['team.example/os']);
    for (const other of ['wide.example/os', 'a.wide.example.org/os', 'r.example/a.wide.example/os'])
      expect(places(other)).toEqual([other]);
  });

  test('the well-known registry can be sent elsewhere', async () => {
    const conf = '[[registry]]\nprefix = "docker.io"\nlocation = "cache.example/hub"\n';
    const entries = await parseRegistriesConf(conf, 'registries.conf');
    expect(pullLocations(reference('docker.io/debian:13'), entries)).toEqual([
      { registry: 'cache.example', repository: 'hub/library/debian', insecure: undefined },
    ]);
  });

  test('drop-ins are read in their order and replace entries of the same prefix', async () => {
    await using temp = await makeTempDir('conf-test');
    const directory = join(temp.path, 'd');
    await mkdir(directory);
    await writeFile(join(temp.path, 'main.conf'), CONF);
    await writeFile(
      join(directory, '20-b.conf'),
      '[[registry]]\nlocation = "10.0.2.2:5000"\nblocked = true\n',
    );
    await writeFile(
      join(directory, '10-a.conf'),
      '[[registry]]\nlocation = "10.0.2.2:5000"\n[[registry]]\nlocation = "vm.example"\ninsecure = true\n',
    );
    await writeFile(join(directory, 'not-read.conf.bak'), 'nonsense');
    const entries = await loadRegistriesConf({
      files: [join(temp.path, 'main.conf'), join(temp.path, 'missing.conf')],
      dropInDirectories: [directory, join(temp.path, 'missing')],
    });
    expect(() => pullLocations(reference('10.0.2.2:5000/os'), entries)).toThrow(
      expect.objectContaining({ code: 'OCI_BLOCKED' }),
    );
    expect(pullLocations(reference('vm.example/os'), entries)).toEqual([
      { registry: 'vm.example', repository: 'os', insecure: true },
    ]);
  });

  test.each([
    ['[[registry]]\nlocation = ', /Invalid TOML|unexpected|expected/i],
    ['[[registry]]\nlocation = 7', /location is not a text/],
    ['[[registry]]\nlocation = "x"\ninsecure = "yes"', /insecure is neither true nor false/],
    ['[[registry]]\n', /neither prefix nor location/],
    ['[registries.search]\nregistries = ["r.example"]', /the old version 1/],
    ['registry = 1', /not a list of tables/],
    ['[[registry]]\nlocation="x"\n[[registry.mirror]]\n', /mirror\]\] has no location/],
    [
      '[[registry]]\nlocation="x"\n[[registry.mirror]]\nlocation="y"\npull-from-mirror="never"',
      /pull-from-mirror cannot be "never"/,
    ],
  ])('refuses %j', async (text, problem) => {
    await expect(parseRegistriesConf(text, 'registries.conf')).rejects.toMatchObject({
      code: 'OCI_REGISTRIES_CONF_INVALID',
      message: expect.stringMatching(problem),
    });
  });
});
