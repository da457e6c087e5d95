/** A host GRUB starts: updates, boots that fail, boots that are good, and power that is cut between an entry and the menu. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blessBoot } from './bless.ts';
import { recordBoot } from './booted.ts';
import { deleteDeployment } from './cleanup.ts';
import { finalizeStaged } from './finalize.ts';
import { recordFailedBoot } from './health/failed-boot.ts';
import { rollback } from './rollback.ts';
import { hostStatus } from './status.ts';
import { bootByGrub, installGrub } from './testing/grub-boot.ts';
import { events, installed, V2, V3 } from './testing/scenario.ts';
import { entryNames, hostDir, partsOf, stage, type TestHost } from './testing/test-host.ts';
import type { TestImage } from './testing/test-image.ts';

/** A host of the first version, started by GRUB. */
async function started(directory: string): Promise<TestHost> {
  await installed(directory);
  await installGrub(directory);
  const host = await bootByGrub(directory);
  await recordBoot(host);
  return host;
}

async function updated(host: TestHost, image: TestImage): Promise<TestHost> {
  await stage(host, image);
  await finalizeStaged(host);
  return bootByGrub(host.directory);
}

const failedUnits = ['shop.service'];
const versionOf = async (host: TestHost): Promise<string | null | undefined> =>
  (await hostStatus(host)).status.booted?.image?.version;

describe('an update', () => {
  test('boots, is called good and is counted no more', async () => {
    await using dir = await hostDir('grub');
    const v1 = await started(dir.path);
    expect((await hostStatus(v1)).status.booted?.composefs?.bootloader).toBe('grub');
    const v2 = await updated(v1, V2);
    expect(await recordBoot(v2)).toMatchObject({ outcome: 'as-expected' });
    expect(await versionOf(v2)).toBe('2');
    expect((await hostStatus(v2)).slipway.bootCounter).toEqual({ triesLeft: 2, triesDone: 1 });
    expect(await entryNames(dir.path)).toEqual(['slipway-2+2-1.conf', 'slipway-1.conf']);
    expect(await blessBoot(v2)).toBe('blessed');
    expect(await entryNames(dir.path)).toEqual(['slipway-2.conf', 'slipway-1.conf']);
    const again = await bootByGrub(dir.path);
    expect(await recordBoot(again)).toMatchObject({ outcome: 'as-before', deployment: v2.bootedId });
    expect(await blessBoot(again)).toBe('not-counted');
  });

  test('that never comes up is given up after three attempts, and denied', async () => {
    await using dir = await hostDir('grub');
    const v1 = await started(dir.path);
    const v2 = await updated(v1, V2);
    expect(v2.bootedId).not.toBe(v1.bootedId);
    expect((await bootByGrub(dir.path)).bootedId).toBe(v2.bootedId);
    expect((await bootByGrub(dir.path)).bootedId).toBe(v2.bootedId);
    const back = await bootByGrub(dir.path);
    expect(back.bootedId).toBe(v1.bootedId);
    expect(await recordBoot(back)).toMatchObject({
      outcome: 'rolled-back-by-boot-loader',
      reason: 'the upgrade did not come up in 3 attempts',
    });
    expect((await hostStatus(back)).slipway.denied).toMatchObject([{ version: '2' }]);
    expect(await entryNames(dir.path)).toEqual(['slipway-1.conf', 'slipway-2+0-3.conf']);
  });

  test('that fails its checks is taken out of the running at once', async () => {
    await using dir = await hostDir('grub');
    const v1 = await started(dir.path);
    const v2 = await updated(v1, V2);
    await recordBoot(v2);
    const options = { failedUnits, timeLimitSeconds: 1, directories: [] };
    expect(await recordFailedBoot(v2, options)).toMatchObject({ action: 'fall-back' });
    const back = await bootByGrub(dir.path);
    expect(back.bootedId).toBe(v1.bootedId);
    expect(await recordBoot(back)).toMatchObject({ outcome: 'rolled-back-by-boot-loader' });
  });
});

describe('a rollback', () => {
  test('boots the other deployment, and it can be deleted afterwards', async () => {
    await using dir = await hostDir('grub');
    const v1 = await started(dir.path);
    const v2 = await updated(v1, V2);
    await recordBoot(v2);
    await blessBoot(v2);
    await rollback(v2);
    const back = await bootByGrub(dir.path);
    expect(back.bootedId).toBe(v1.bootedId);
    expect(await recordBoot(back)).toMatchObject({ outcome: 'as-expected' });
    await blessBoot(back);
    await deleteDeployment(back, v2.bootedId);
    const menu = await readFile(join(partsOf(dir.path).esp, 'grub/entries.cfg'), 'utf8');
    expect(menu).not.toContain(v2.bootedId);
    expect((await bootByGrub(dir.path)).bootedId).toBe(v1.bootedId);
  });
});

describe('power cut between an entry and the menu', () => {
  test('boots the old system, which finishes the menu; the next boot is the new one', async () => {
    await using dir = await hostDir('grub');
    const v1 = await started(dir.path);
    const menuPath = join(partsOf(dir.path).esp, 'grub/entries.cfg');
    const before = await readFile(menuPath);
    await stage(v1, V2);
    await finalizeStaged(v1);
    await writeFile(menuPath, before);
    const old = await bootByGrub(dir.path);
    expect(old.bootedId).toBe(v1.bootedId);
    expect(await recordBoot(old)).toMatchObject({ outcome: 'as-before' });
    const v2 = await bootByGrub(dir.path);
    expect(await recordBoot(v2)).toMatchObject({ outcome: 'as-expected' });
    expect(await versionOf(v2)).toBe('2');
    expect(await events(v2)).not.toContain('booted-unexpected');
  });
});

test('sequence numbers that come again have their attempts again', async () => {
  await using dir = await hostDir('grub');
  const v1 = await started(dir.path);
  await updated(v1, V2);
  await bootByGrub(dir.path);
  await bootByGrub(dir.path);
  const back = await bootByGrub(dir.path);
  await recordBoot(back);
  const v3 = await updated(back, V3);
  expect(await recordBoot(v3)).toMatchObject({ outcome: 'as-expected' });
  expect((await hostStatus(v3)).slipway.bootCounter).toEqual({ triesLeft: 2, triesDone: 1 });
});
