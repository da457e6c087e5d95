/** The storage of bound images, by the podman that is installed. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeTempDir, operation, type TempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { podmanStore } from '../packages/host/src/bound/bound-store.ts';
import { installed } from '../packages/host/src/testing/scenario.ts';
import { writeTestImage } from '../packages/host/src/testing/test-image.ts';

test('podman brings, lists and removes them in a storage of the host', async () => {
  await using dir = await makeTempDir('bound-podman');
  await using _environment = await podmanEnvironment(dir);
  const host = await installed(join(dir.path, 'host'));
  // podman names an image of a layout by its path, which must be in lower case for that.
  const layout = join(tmpdir(), `slipway-bound-${process.pid}`);
  await using _layout = { [Symbol.asyncDispose]: () => rm(layout, { recursive: true, force: true }) };
  await writeTestImage(layout, { tag: '1', files: { etc: { directory: 0o755 } } });
  const reference = `oci:${layout}:1`;
  const store = podmanStore(host, host.layout.boundStorage, operation());
  expect(await store.list()).toEqual([]);
  await store.pull(reference);
  const [name = ''] = await store.list();
  expect([name !== '', await store.has(name), await store.has('registry.example/other:1')]).toEqual([
    true,
    true,
    false,
  ]);
  await expect(store.pull(`oci:${dir.path}/nothing:1`)).rejects.toThrow(
    /cannot bring the bound image .*podman ended/s,
  );
  await store.remove([name]);
  expect(await store.list()).toEqual([]);
});

/** The simplest driver, which needs no mounts, for this process and its children. */
async function podmanEnvironment(dir: TempDir): Promise<AsyncDisposable> {
  const before = { ...process.env };
  await mkdir(join(dir.path, 'host'), { recursive: true });
  const policy = join(dir.path, 'storage.conf');
  await writeFile(
    policy,
    `[storage]\ndriver = "vfs"\ngraphroot = "${dir.path}/graph"\nrunroot = "${dir.path}/run"\n`,
  );
  process.env['CONTAINERS_STORAGE_CONF'] = policy;
  process.env['STORAGE_DRIVER'] = 'vfs';
  return {
    async [Symbol.asyncDispose]() {
      process.env = before;
      await rm(policy, { force: true });
    },
  };
}
