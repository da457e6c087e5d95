/** An update that is fetched now and used when somebody says so. */
import { expect, test } from 'vitest';
import { recordBoot } from './booted.ts';
import { finalizeStaged } from './finalize.ts';
import { releaseDownloaded } from './release-staged.ts';
import { hostStatus } from './status.ts';
import { installed, V2 } from './testing/scenario.ts';
import { hostDir, reboot, stage } from './testing/test-host.ts';

test('what was only downloaded waits over reboots, and is used when it is asked for', async () => {
  await using dir = await hostDir('download-only');
  const v1 = await installed(dir.path);
  const staged = await stage(v1, V2, 'ours', { downloadOnly: true });
  expect(staged.kind).toBe('staged');
  const { status, slipway } = await hostStatus(v1);
  expect(status.staged).toMatchObject({ downloadOnly: true, composefs: { verity: staged.deployment } });
  expect(slipway.nextBoot).toBe(v1.bootedId);

  expect(await finalizeStaged(v1)).toEqual({ kind: 'nothing-staged' });
  const still = await reboot(v1);
  expect(still.bootedId).toBe(v1.bootedId);
  expect(await recordBoot(still)).toMatchObject({ outcome: 'as-before', interrupted: undefined });
  expect(await stage(still, V2, 'ours', { downloadOnly: true })).toMatchObject({ kind: 'already-staged' });
  expect((await hostStatus(still)).status.staged).toMatchObject({ downloadOnly: true });

  expect(await releaseDownloaded(still)).toMatchObject({ kind: 'released', version: '2' });
  expect(await releaseDownloaded(still)).toMatchObject({ kind: 'unchanged' });
  expect((await hostStatus(still)).slipway.nextBoot).toBe(staged.deployment);
  expect((await reboot(still)).bootedId).toBe(staged.deployment);
});

test('what was to start at the next boot can be made to wait, and an ordinary upgrade uses it again', async () => {
  await using dir = await hostDir('download-only');
  const v1 = await installed(dir.path);
  await expect(releaseDownloaded(v1)).rejects.toMatchObject({ code: 'NOTHING_STAGED' });
  const staged = await stage(v1, V2);
  expect(await stage(v1, V2, 'ours', { downloadOnly: true })).toMatchObject({ kind: 'already-staged' });
  expect(await finalizeStaged(v1)).toEqual({ kind: 'nothing-staged' });
  expect(await stage(v1, V2)).toMatchObject({ kind: 'already-staged' });
  expect((await reboot(v1)).bootedId).toBe(staged.deployment);
});
