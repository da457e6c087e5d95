import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import {
  type ContainerIdentity,
  type DiskTarget,
  deriveUuid,
  openDynamicVhdTarget,
  openFixedVhdTarget,
  openQcow2Target,
  openRawTarget,
  openVhdxTarget,
  openVmdkTarget,
  planExt4,
  writeExt4,
} from '@slipway/disk';
import { expect, test } from 'vitest';
import { directory, file, noise } from './harness/disk-trees.ts';

const MIB = 1024 * 1024;

// Scenario: the file system that should hold the image fills up in the middle of it. Needs root, to mount a small one.
test.each([
  ['raw', openRawTarget],
  ['qcow2', openQcow2Target],
  ['vmdk', withIdentity(openVmdkTarget)],
  ['fixed vhd', withIdentity(openFixedVhdTarget)],
  ['dynamic vhd', withIdentity(openDynamicVhdTarget)],
  ['vhdx', withIdentity(openVhdxTarget)],
])('a %s image that does not fit is an error and leaves nothing behind', async (_, open) => {
  await using dir = await makeTempDir('no-space');
  await using small = await mountSmall(dir.path);
  const tree = directory([['data', file(noise(20 * MIB, 'data'))]]);
  const plan = planExt4(tree, { uuid: deriveUuid('seed', 'root'), timeSec: 0, sizeBytes: 64 * MIB });
  const write = async (): Promise<void> => {
    await using target = await open(join(small.path, 'disk'), plan.sizeBytes);
    await writeExt4(target, plan);
    await target.finish();
  };
  await expect(write()).rejects.toMatchObject({
    code: 'DISK_NO_SPACE',
    message: expect.stringContaining('no room left'),
  });
  expect(await readdir(small.path)).toEqual([]);
});

function withIdentity(
  open: (path: string, sizeBytes: number, identity: ContainerIdentity) => Promise<DiskTarget>,
): (path: string, sizeBytes: number) => Promise<DiskTarget> {
  return (path, sizeBytes) => open(path, sizeBytes, { seed: 'seed', timeSec: 0 });
}

async function mountSmall(parent: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = join(parent, 'small');
  await mkdir(path);
  await run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'small', path], {
    describe: 'mount a small file system',
  });
  return {
    path,
    async [Symbol.asyncDispose]() {
      await run(['umount', path], { describe: 'unmount it' });
    },
  };
}
