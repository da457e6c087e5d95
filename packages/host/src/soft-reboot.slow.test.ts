import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordBoot } from './booted.ts';
import { rollback } from './rollback.ts';
import { planSoftReboot, requestSoftReboot, withdrawSoftReboot } from './soft-reboot.ts';
import { hostStatus } from './status.ts';
import { events, installed, optionsOfNext, V2, V3 } from './testing/scenario.ts';
import { hostDir, reboot, stage, systemOf, type TestHost } from './testing/test-host.ts';

/** A running host whose kernel was started as its boot entry says, with what a boot loader adds. */
async function running(host: TestHost): Promise<TestHost> {
  const options = await optionsOfNext(host.directory);
  return { ...host, commandLine: async () => `initrd=\\EFI\\Linux\\x\\initrd ${options}` };
}

test('the same kernel and command line need no full reboot, others do', async () => {
  await using dir = await hostDir('soft');
  const v1 = await running(await installed(dir.path));
  expect(await planSoftReboot(v1, 257)).toEqual({ deployment: v1.bootedId, obstacle: undefined });
  await stage(v1, V2);
  const newKernel = await planSoftReboot(v1, 257);
  expect(newKernel.obstacle).toBe('its kernel or initramfs is another one');

  const v2 = await running(await reboot(v1));
  await recordBoot(v2);
  await stage(v2, V3);
  const plan = await planSoftReboot(v2, 257);
  expect(plan).toEqual({ deployment: expect.not.stringMatching(v2.bootedId), obstacle: undefined });
  expect((await planSoftReboot(v2, 252)).obstacle).toContain('systemd 252');
  const other = { ...v2, commandLine: async () => `debug ${await v2.commandLine()}` };
  expect((await planSoftReboot(other, 257)).obstacle).toBe('its kernel command line is another one');

  await stage(v2, V3, 'ours', { downloadOnly: true });
  expect(await planSoftReboot(v2, 257)).toEqual({ deployment: v2.bootedId, obstacle: undefined });
  await rollback(v2);
  expect(await planSoftReboot(v2, 257)).toMatchObject({
    deployment: v1.bootedId,
    obstacle: newKernel.obstacle,
  });
});

test('the status tells which deployments need no full reboot', async () => {
  await using dir = await hostDir('soft');
  const v1 = await running(await installed(dir.path));
  await stage(v1, V2);
  expect((await hostStatus(v1)).status).toMatchObject({
    booted: { softRebootCapable: false },
    staged: { softRebootCapable: false },
  });
  const v2 = await running(await reboot(v1));
  await recordBoot(v2);
  await stage(v2, V3);
  expect((await hostStatus(v2)).status).toMatchObject({
    booted: { softRebootCapable: false },
    staged: { softRebootCapable: true },
    rollback: { softRebootCapable: false },
  });
  expect((await hostStatus({ ...v2, canSoftReboot: async () => false })).status.staged).toMatchObject({
    softRebootCapable: false,
  });
  const v3 = await running(await reboot(v2));
  await recordBoot(v3);
  expect((await hostStatus(v3)).status.rollback).toMatchObject({
    composefs: { verity: v2.bootedId },
    softRebootCapable: true,
  });
});

test('what comes up by a soft reboot is recorded, in the same boot of the kernel', async () => {
  await using dir = await hostDir('soft');
  const v1 = await installed(dir.path);
  await stage(v1, V2);
  const { deployment } = await planSoftReboot(v1, 257);
  await requestSoftReboot(v1, deployment);
  expect(await readFile(join(v1.runDirectory, 'next-root'), 'utf8')).toBe(`${deployment}\n`);
  await withdrawSoftReboot(v1);
  await reboot(v1);
  const soft = { ...systemOf(dir.path, deployment), bootId: async () => await v1.bootId() };
  expect(await recordBoot(soft)).toMatchObject({ deployment, outcome: 'as-expected' });
  expect(await recordBoot(soft)).toMatchObject({ outcome: 'already-recorded' });
  expect((await events(soft)).slice(-2)).toEqual(['finalized', 'booted']);
});
