import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { recordBoot } from './booted.ts';
import { readHostState } from './deployment.ts';
import { finalizeStaged } from './finalize.ts';
import { lockHost } from './lock.ts';
import { hostStatus } from './status.ts';
import { installed, V2, V3 } from './testing/scenario.ts';
import { boot, deploymentIds, hostDir, stage } from './testing/test-host.ts';
import { type TestImage } from './testing/test-image.ts';

describe('an update is refused', () => {
  const without = (...names: readonly string[]): TestImage => ({
    ...V2,
    files: Object.fromEntries(Object.entries(V2.files).filter(([name]) => !names.includes(name))),
  });

  test.each([
    ['without a kernel', without('usr/lib/modules/6.12/vmlinuz'), 'IMAGE_NO_KERNEL'],
    ['without an initramfs', without('usr/lib/modules/6.12/initramfs.img'), 'IMAGE_NO_INITRAMFS'],
    ['for another architecture', { ...V2, architecture: 'arm64' }, 'IMAGE_WRONG_ARCHITECTURE'],
    [
      'with kernel arguments nobody can read',
      { ...V2, files: { ...V2.files, 'usr/lib/bootc/kargs.d/10.toml': 'kargs = "quiet"' } },
      'KERNEL_ARGUMENT_INVALID',
    ],
    [
      'with an unknown key beside them',
      { ...V2, files: { ...V2.files, 'usr/lib/bootc/kargs.d/10.toml': 'kargs = []\nkarg = ["a"]' } },
      'KERNEL_ARGUMENT_INVALID',
    ],
  ] as const)('%s', async (_what, image, code) => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    const thrown: unknown = await stage(v1, image).catch((error: unknown) => error);
    expect(isSlipwayError(thrown) && thrown.code).toMatch(new RegExp(`${code}|OCI_PLATFORM_MISSING`));
    expect(await deploymentIds(dir.path)).toEqual([v1.bootedId]);
    expect(await readdir(join(v1.layout.composefs, 'images'))).toEqual([v1.bootedId]);
    expect(await finalizeStaged(v1)).toEqual({ kind: 'nothing-staged' });
  });

  test('when conflicts in /etc are not wanted, now or at shutdown', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    const staged = await stage(v1, V2, 'fail');
    await writeFile(join(v1.etc, 'edited'), 'mine');
    const thrown: unknown = await finalizeStaged(v1).catch((error: unknown) => error);
    expect(isSlipwayError(thrown, 'ETC_MERGE_CONFLICT')).toBe(true);
    const next = await boot(dir.path);
    expect(next.bootedId).toBe(v1.bootedId);
    expect(await recordBoot(next)).toMatchObject({ outcome: 'as-before', interrupted: staged.deployment });
    expect((await hostStatus(next)).slipway.staged?.failure).toMatchObject({ code: 'ETC_MERGE_CONFLICT' });
    const again: unknown = await stage(next, V3, 'fail').catch((error: unknown) => error);
    expect(isSlipwayError(again, 'ETC_MERGE_CONFLICT')).toBe(true);
    // The one staged before is still there.
    expect((await readHostState(next)).staged?.deployment).toBe(staged.deployment);
  });

  test('while another change is going on, naming it', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await using _other = await lockHost(v1.layout.lock, 'slipway rollback', { clock: v1.clock });
    const thrown: unknown = await stage(v1, V2).catch((error: unknown) => error);
    expect(isSlipwayError(thrown, 'HOST_LOCKED') && thrown.message).toMatch(
      /slipway rollback \(process \d+, since 2026-/,
    );
  });
});
