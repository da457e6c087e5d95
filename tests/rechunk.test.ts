import { join } from 'node:path';
import { createBootImage, importImage, initRepository } from '@slipway/composefs';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { openImage, parseReference, type TarInput } from '@slipway/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { file, link, member } from '../packages/composefs/src/import/testing.ts';
import { type Listing, listDirectory } from './harness/directory-listing.ts';
import { baseImage, earlierBaseImage } from './harness/images.ts';
import { umociLayout } from './harness/layered-image.ts';
import { startRegistry, type TestRegistry } from './harness/registry.ts';
import { slipway, slipwayJson } from './harness/slipway.ts';
import { updateCostBytes } from './harness/update-cost.ts';

/** The highest ratio that is allowed; what generated files cost by their new times alone is a third of a base image. */
const GOAL = 0.5;

describe('an update from one base image to the next, rechunked', () => {
  let temp: TempDir;
  let registry: TestRegistry;
  let earlier: string;
  let later: string;

  beforeAll(async () => {
    temp = await makeTempDir('rechunk-test');
    registry = await startRegistry();
    later = await baseImage('trixie', () => undefined);
    earlier = await earlierBaseImage(() => undefined);
    await slipway(['push', '-q', earlier, at('plain', 'v1')]);
    await slipway(['push', '-q', later, at('plain', 'v2')]);
    await slipway(['rechunk', '-q', earlier, '-t', at('rechunked', 'v1')]);
    await slipway(['rechunk', '-q', later, '-t', at('rechunked', 'v2')]);
  });
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await temp?.[Symbol.asyncDispose]();
  });

  function at(repository: string, tag: string): string {
    return `${registry.hostPort}/${repository}:${tag}`;
  }

  function costBytes(repository: string, to = 'v2'): Promise<number> {
    const directory = join(temp.path, `${repository}-${to}`);
    return updateCostBytes({ registry: registry.hostPort, repository, from: 'v1', to, directory });
  }

  test('costs skopeo at most half, whether or not the versions knew of each other', async () => {
    const hint = ['--previous', at('rechunked', 'v1')];
    const report = await slipwayJson(['rechunk', '-q', later, '-t', at('rechunked', 'hinted'), ...hint]);
    const plain = await costBytes('plain');
    expect(await costBytes('rechunked')).toBeLessThan(plain * GOAL);
    expect(await costBytes('rechunked', 'hinted')).toBeLessThan(plain * GOAL);
    const { sizeBytes, sharedBytes } = report as { sizeBytes: number; sharedBytes: number };
    expect(sizeBytes - sharedBytes).toBeLessThan(plain * GOAL);
  });

  test('makes the same deployment as the image itself', async () => {
    expect(await deploymentOf(at('rechunked', 'v2'))).toBe(await deploymentOf(later));
  });

  test('keeps what the image says of itself', async () => {
    const facts = async (reference: string): Promise<object> => {
      const { stdout } = await run(['skopeo', 'inspect', '--tls-verify=false', '--config', reference], {
        describe: 'look at an image with skopeo',
      });
      const { history: _history, rootfs: _rootfs, ...rest } = JSON.parse(stdout.toString('utf8'));
      return rest;
    };
    expect(await facts(`docker://${at('rechunked', 'v2')}`)).toEqual(await facts(later));
  });

  test('is described by slipway diff, which finds no file to fetch between the image and its rechunked self', async () => {
    const update = (await slipwayJson(['diff', earlier, at('rechunked', 'v2')])) as Difference;
    expect(update.packages.added.map(({ name }) => name)).toEqual(['bash-completion']);
    expect(update.packages.removed.map(({ name }) => name)).toContain('nano');
    expect(update.download.filesBytes).toBeLessThan(update.download.layersBytes * GOAL);

    const itself = (await slipwayJson(['diff', later, at('rechunked', 'v2')])) as Difference;
    expect(itself.files).toEqual({ added: NONE, removed: NONE, changed: NONE, times: NONE });
    expect(itself.download.filesBytes).toBe(0);
  });

  /** The name of the deployment an image makes: a digest over every byte and attribute of its tree. */
  async function deploymentOf(image: string): Promise<string> {
    await using directory = await makeTempDir('deployment');
    const repository = await initRepository(join(directory.path, 'store'));
    await using source = openImage(parseReference(image));
    const resolved = await source.resolve('amd64');
    const options = { cacheDir: join(directory.path, 'cache') };
    const { id } = await createBootImage(
      repository,
      await importImage(repository, source, resolved, options),
    );
    return id;
  }
});

const NONE = { count: 0, sizeBytes: 0 };

interface Difference {
  readonly packages: {
    readonly added: readonly { readonly name: string }[];
    readonly removed: readonly { readonly name: string }[];
  };
  readonly files: object;
  readonly download: { readonly layersBytes: number; readonly filesBytes: number };
}

const LAYERS: readonly (readonly TarInput[])[] = [
  [
    member('./', { mode: 0o755, mtimeSec: 1_600_000_000 }),
    member('usr/', { mtimeNsec: 123_456_789 }),
    member('usr/bin/'),
    file('usr/bin/tool', 'x'.repeat(5000), { mode: 0o4755, gid: 42, mtimeNsec: 987_654_321 }),
    file('usr/bin/ping', 'y', { xattrs: new Map([['user.note', Buffer.from([0, 255, 10])]]) }),
    link('usr/bin/tool2', 'usr/bin/tool', 'hardlink'),
    link('bin', 'usr/bin'),
    member('etc/'),
    file('etc/gone', 'gone'),
    member('var/'),
    member('var/lib/'),
    member('var/lib/dpkg/'),
    member('var/lib/dpkg/info/'),
    file('var/lib/dpkg/status', 'Package: tool\nStatus: install ok installed\nVersion: 1\n'),
    file('var/lib/dpkg/info/tool.list', '/.\n/bin/tool\n'),
    member('dev/'),
    member('dev/null', { kind: 'character-device', mode: 0o666, deviceMajor: 1, deviceMinor: 3 }),
    member('srv/'),
    file(`srv/name with \xc3\xa9 and ${'l'.repeat(120)}`, 'long'),
  ],
  [
    member('etc/', { mode: 0o750, uid: 3 }),
    member('etc/.wh.gone'),
    link('etc/tool3', 'usr/bin/tool', 'hardlink'),
    file('usr/bin/ping', 'new'),
    member('empty/', { mode: 0o1777 }),
  ],
];

test.each(['gzip', 'zstd', 'zstd:chunked'])(
  'umoci unpacks the same directory of an image rechunked as %s',
  async (format) => {
    await using directory = await makeTempDir('rechunk-umoci');
    const layout = await umociLayout(directory.path, LAYERS);
    const image = `oci:${layout}:test`;
    await slipway(['rechunk', '-q', image, '-t', `oci:${layout}:rechunked`, '--compression', format]);
    const unpacked = async (tag: string): Promise<Listing> => {
      // umoci reads gzip only; it checks the archives by the digests the image gives them.
      const plain = join(directory.path, `${tag}-gzip`);
      const source = `oci:${layout}:${tag}`;
      await slipway(['push', '-q', '--compression-format', 'gzip', source, `oci:${plain}:${tag}`]);
      await run(['umoci', 'unpack', '--image', `${plain}:${tag}`, join(directory.path, tag)], {
        describe: `unpack ${tag}`,
      });
      return listDirectory(join(directory.path, tag, 'rootfs'));
    };
    const before = await unpacked('test');
    expect(before.get('/usr/bin/tool2')?.firstName).toBe('/etc/tool3');
    expect(await unpacked('rechunked')).toEqual(before);
  },
);
