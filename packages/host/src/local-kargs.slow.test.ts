import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError } from '@slipway/core';
import { expect, test } from 'vitest';
import { installed, optionsOfNext, V2, V3 } from './testing/scenario.ts';
import { hostDir, reboot, stage } from './testing/test-host.ts';

test('arguments of this machine come, change and go with updates, whatever the image says', async () => {
  await using dir = await hostDir('local-kargs');
  const v1 = await installed(dir.path);
  const file = (etc: string): string => join(etc, 'bootc/kargs.d/50-serial.toml');
  await mkdir(join(v1.etc, 'bootc/kargs.d'), { recursive: true });
  await writeFile(file(v1.etc), 'kargs = ["console=ttyS1", "nosmt"]\n');
  await stage(v1, V2);
  const v2 = await reboot(v1);
  expect(await optionsOfNext(dir.path)).toMatch(/^root=UUID=1 rw .*splash loglevel=4 console=ttyS1 nosmt$/);

  await writeFile(file(v2.etc), 'kargs = ["console=ttyS2"]\n');
  await stage(v2, V3);
  const v3 = await reboot(v2);
  expect(await optionsOfNext(dir.path)).toMatch(/splash loglevel=4 console=ttyS2$/);

  await rm(file(v3.etc));
  await stage(v3, { ...V3, version: '4', files: { ...V3.files, 'etc/default': 'v4' } });
  const v4 = await reboot(v3);
  expect(await optionsOfNext(dir.path)).not.toContain('console=');
  expect(await readdir(v4.layout.deployment(v4.bootedId).directory)).not.toContain('local-kargs');
});

test('a file that is wrong is named before anything is staged', async () => {
  await using dir = await hostDir('local-kargs');
  const v1 = await installed(dir.path);
  await mkdir(join(v1.etc, 'bootc/kargs.d'), { recursive: true });
  await writeFile(join(v1.etc, 'bootc/kargs.d/50.toml'), 'karg = ["x"]\n');
  const thrown: unknown = await stage(v1, V2).catch((error: unknown) => error);
  expect(isSlipwayError(thrown, 'KERNEL_ARGUMENT_INVALID') && thrown.message).toContain(
    '/etc/bootc/kargs.d/50.toml',
  );
});
