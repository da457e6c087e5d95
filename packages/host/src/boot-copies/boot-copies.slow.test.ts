import { execFileSync } from 'node:child_process';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copyDifferences, readBootEntries, readCopyVersion, readEspContents } from '@slipway/boot';
import { silentLog, type TempDir } from '@slipway/core';
import { openImage } from '@slipway/oci';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recordBoot } from '../booted.ts';
import { finalizeStaged } from '../finalize.ts';
import { fsckHost } from '../fsck/fsck-host.ts';
import { rollback } from '../rollback.ts';
import { hostStatus } from '../status.ts';
import { cuts } from '../testing/power-cuts.ts';
import { editEtc, events, installed, V1, V2, V3 } from '../testing/scenario.ts';
import {
  bless,
  boot,
  deploymentIds,
  entryNames,
  hostDir,
  installHost,
  reboot,
  stage,
  type TestHost,
} from '../testing/test-host.ts';
import { copyBoot } from './copy-boot.ts';

let temp: TempDir;
let directory: string;
beforeEach(async () => {
  temp = await hostDir('copies');
  directory = join(temp.path, 'host');
});
afterEach(async () => {
  await temp[Symbol.asyncDispose]();
});

/** A host with a boot partition on each of two disks, as an installer leaves it, booted and recorded. */
async function mirrored(): Promise<TestHost> {
  await installHost(directory, V1);
  execFileSync('cp', ['-a', join(directory, 'esp'), join(directory, 'esp-other')]);
  return await started(directory);
}

/** The next boot, with nothing in `/run`. */
async function started(machine: string): Promise<TestHost> {
  await rm(join(machine, 'run'), { recursive: true, force: true });
  const host = await boot(machine);
  await recordBoot(host);
  return host;
}

/** Makes firmware take the other disk. */
async function swap(machine: string): Promise<void> {
  await rename(join(machine, 'esp'), join(machine, 'was'));
  await rename(join(machine, 'esp-other'), join(machine, 'esp'));
  await rename(join(machine, 'was'), join(machine, 'esp-other'));
}

async function differences(machine: string): Promise<readonly string[]> {
  const read = async (name: string) => readEspContents(join(machine, name), { thorough: true });
  return copyDifferences(await read('esp'), await read('esp-other'));
}

async function expectAlike(machine: string): Promise<void> {
  expect(await differences(machine)).toEqual([]);
  const version = async (name: string) => readCopyVersion(join(machine, name));
  expect(await version('esp-other')).toEqual(await version('esp'));
}

describe('the boot partitions of two disks', () => {
  test('are alike after every change, and either starts what the host runs', async () => {
    const v1 = await mirrored();
    await expectAlike(directory);
    const first = (await readCopyVersion(join(directory, 'esp'))).number;
    await editEtc(v1);
    await stage(v1, V2);
    await expectAlike(directory);
    const v2 = await reboot(v1);
    expect(await differences(directory)).toEqual([
      'loader/entries/slipway-2+2-1.conf is missing',
      'loader/entries/slipway-2+3.conf is left over',
    ]);
    await recordBoot(v2);
    await expectAlike(directory);
    await bless(v2);
    await copyBoot(v2);
    await expectAlike(directory);
    expect(await entryNames(directory)).toEqual(['slipway-2.conf', 'slipway-1.conf']);
    await rollback(v2);
    await expectAlike(directory);
    await rollback(v2);
    await expectAlike(directory);
    expect((await readCopyVersion(join(directory, 'esp'))).number).toBeGreaterThan(first);
    await swap(directory);
    expect((await started(directory)).bootedId).toBe(v2.bootedId);
  });

  test('start a machine, each of them, whenever power failed in an update, and are alike then', async () => {
    const v1 = await mirrored();
    const staging = await cuts(temp.path, v1, (host) => stage(host, V2));
    const finalizing = await cuts(join(temp.path), v1, finalizeStaged);
    const machines = [...staging, ...finalizing];
    expect(new Set(machines.map(({ point }) => point))).toContain('boot-versioned');
    expect(new Set(machines.map(({ point }) => point))).toContain('boot-copied');
    for (const machine of machines) {
      for (const disk of ['first', 'other']) {
        const copy = join(temp.path, 'machine');
        execFileSync('cp', ['-a', machine.directory, copy]);
        if (disk === 'other') await swap(copy);
        const host = await started(copy);
        await expectAlike(copy);
        const running = (await hostStatus(host)).status.booted?.image?.version;
        expect(['1', '2'], `${machine.point} ${disk}`).toContain(running);
        // It goes on from there to the release that was on its way, or to one that follows.
        await stage(host, V3);
        const after = await reboot(host);
        expect((await hostStatus(after)).status.booted?.image?.version, machine.point).toBe('3');
        await rm(copy, { recursive: true });
      }
      await rm(machine.directory, { recursive: true });
    }
  });

  test('one that was away does not bring an older system back', async () => {
    const v1 = await mirrored();
    await rename(join(directory, 'esp-other'), join(directory, 'away'));
    await stage(v1, V2);
    const v2 = await reboot(v1);
    await recordBoot(v2);
    await bless(v2);
    await copyBoot(v2);
    expect((await hostStatus(v2)).slipway.bootCopies).toEqual([]);
    // Put in again, it is the first that firmware looks at.
    await rename(join(directory, 'away'), join(directory, 'esp-other'));
    await swap(directory);
    const old = await started(directory);
    expect(old.bootedId).toBe(v1.bootedId);
    expect(await events(old)).toContain('repaired');
    await expectAlike(directory);
    expect(await deploymentIds(directory)).toContain(v2.bootedId);
    expect((await started(directory)).bootedId).toBe(v2.bootedId);
  });

  test('one that cannot be read is told, and keeps nothing from being done', async () => {
    const v1 = await mirrored();
    await rm(join(directory, 'esp-other'), { recursive: true });
    await writeFile(join(directory, 'esp-other'), 'no file system');
    await stage(v1, V2);
    const v2 = await reboot(v1);
    await recordBoot(v2);
    expect((await hostStatus(v2)).slipway.bootCopies).toEqual([
      { device: '/dev/esp-other', reason: 'it cannot be read' },
    ]);
    const result = await fsckHost(v2, { repair: true, openSource: openImage });
    expect(result).toMatchObject({
      kind: 'damaged',
      findings: [
        { part: 'boot', kind: 'copy-differs', name: '/dev/esp-other', message: 'it cannot be read' },
      ],
    });
  });

  test('fsck finds a byte that changed on one of them, and puts it right', async () => {
    const host = await mirrored();
    const kernel = join(directory, `esp-other/EFI/Linux/slipway-${host.bootedId}/linux`);
    const whole = await readFile(kernel);
    await writeFile(kernel, Buffer.from(whole).fill(0, 0, 1));
    const found = await fsckHost(host, { repair: false, openSource: openImage });
    const message = `EFI/Linux/slipway-${host.bootedId}/linux differs`;
    const finding = { part: 'boot', kind: 'copy-differs', name: '/dev/esp-other', message };
    expect(found.findings).toEqual([{ ...finding, repaired: false }]);
    expect(await differences(directory)).toEqual([message]);
    const mended = await fsckHost(host, { repair: true, openSource: openImage });
    expect(mended).toEqual({ kind: 'repaired', findings: [{ ...finding, repaired: true }] });
    await expectAlike(directory);
  });

  test('a host with one has no version on it, and says nothing of copies', async () => {
    const host = await installed(directory);
    await copyBoot(host, { log: silentLog });
    expect((await readCopyVersion(host.esp)).number).toBe(0);
    expect((await readBootEntries(host.esp)).entries).toHaveLength(1);
    expect((await hostStatus(host)).slipway.bootCopies).toBeNull();
  });
});
