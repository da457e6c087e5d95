import { tmpdir } from 'node:os';
import { type Descriptor, digestOf } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { checkUpdate } from './check.ts';
import { spaceForLayers } from './space.ts';
import { installed, sourceOf, V2 } from './testing/scenario.ts';
import { hostDir, partsOf, stage } from './testing/test-host.ts';
import { writeTestImage } from './testing/test-image.ts';

const OCI = 'application/vnd.oci.image.layer.v1.tar';

function layer(letter: string, mediaType: string, size: number, unpacked?: string): Descriptor {
  const annotations =
    unpacked === undefined ? {} : { annotations: { 'io.containers.estargz.uncompressed-size': unpacked } };
  return { mediaType, digest: digestOf(Buffer.from(letter)), size, ...annotations };
}

describe('room for layers', () => {
  test.each([
    ['what is not compressed is what it weighs', [layer('a', OCI, 10)], 10, 10],
    ['compressed, nothing is known', [layer('a', OCI, 10), layer('b', `${OCI}+gzip`, 3)], 13, null],
    ['unless it says so', [layer('a', `${OCI}+gzip`, 3, '12')], 3, 12],
    ['in a number', [layer('a', `${OCI}+gzip`, 3, 'many')], 3, null],
    ['twice the same is one', [layer('a', OCI, 10), layer('a', OCI, 10)], 10, 10],
    ['nothing new needs nothing', [], 0, 0],
  ])('%s', async (_what, layers, packedBytes, unpackedBytes) => {
    const space = await spaceForLayers(tmpdir(), layers);
    expect(space).toEqual({
      fileSystem: tmpdir(),
      freeBytes: expect.any(Number),
      packedBytes,
      unpackedBytes,
    });
    expect(space.freeBytes).toBeGreaterThan(0);
  });
});

test('checking and staging say the numbers', async () => {
  await using dir = await hostDir('space');
  const host = await installed(dir.path);
  await writeTestImage(partsOf(dir.path).images, V2);
  const found = await checkUpdate(host, sourceOf(host));
  expect(found).toMatchObject({ kind: 'available', space: { packedBytes: expect.any(Number) } });
  const space = found.kind === 'available' ? found.space : undefined;
  const staged = await stage(host, V2);
  expect(staged).toMatchObject({
    space: {
      root: { fileSystem: host.layout.sysroot, packedBytes: space?.packedBytes },
      boot: { fileSystem: host.esp, neededBytes: expect.any(Number), freeBytes: expect.any(Number) },
    },
  });
});
