import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareBootEntries, readBootEntries } from '@slipway/boot';
import { openRepository } from '@slipway/composefs';
import { isSlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { recordBoot } from '../booted.ts';
import { cleanUp } from '../cleanup.ts';
import { rollback } from '../rollback.ts';
import { hostStatus } from '../status.ts';
import { installBootcHost, NEW, OLD } from '../testing/bootc-host.ts';
import { events } from '../testing/scenario.ts';
import {
  bless,
  boot,
  deploymentIds,
  entryNames,
  hostDir,
  partsOf,
  reboot,
  stage,
  systemOf,
  type TestHost,
} from '../testing/test-host.ts';
import type { TestImage } from '../testing/test-image.ts';
import { adoptHost } from './adopt.ts';

/** A release that follows. */
const NEXT: TestImage = { ...NEW, version: '3', files: { ...NEW.files, 'etc/default': 'v3' } };

async function bootcHost(directory: string): Promise<TestHost> {
  await installBootcHost(directory);
  const host = await boot(directory);
  await recordBoot(host);
  return host;
}

async function refusalOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'done';
  } catch (thrown) {
    return isSlipwayError(thrown, 'ADOPTION_REFUSED') ? thrown.message : String(thrown);
  }
}

async function kernels({ esp }: TestHost): Promise<readonly string[]> {
  return (await readdir(join(esp, 'EFI/Linux'))).map((name) => name.replace(/-.*/, '')).toSorted();
}

describe('a host that bootc installed', () => {
  test('is taken over as it is, and updated, rolled back and tidied as any other', async () => {
    await using dir = await hostDir('adopt');
    const host = await bootcHost(dir.path);
    const [old] = (await deploymentIds(dir.path)).filter((id) => id !== host.bootedId);
    const origin = await readFile(host.layout.deployment(host.bootedId).origin, 'utf8');
    expect(await entryNames(dir.path)).toEqual(['bootc_test_os-7.1-1.conf', 'bootc_test_os-7.1-0.conf']);

    expect(await adoptHost(host, { dryRun: true })).toMatchObject({ kind: 'would-adopt' });
    expect(await entryNames(dir.path)).toHaveLength(2);
    expect((await adoptHost(host)).steps).toEqual([
      { kind: 'write-entry', fileName: 'slipway-1.conf', deployment: old },
      { kind: 'write-entry', fileName: 'slipway-2.conf', deployment: host.bootedId },
      { kind: 'remove-entry', fileName: 'bootc_test_os-7.1-0.conf', deployment: old },
      { kind: 'remove-entry', fileName: 'bootc_test_os-7.1-1.conf', deployment: host.bootedId },
      { kind: 'record' },
    ]);
    expect(await entryNames(dir.path)).toEqual(['slipway-2.conf', 'slipway-1.conf']);
    expect(await adoptHost(host)).toEqual({ kind: 'nothing-to-do', steps: [] });
    expect(await readFile(host.layout.deployment(host.bootedId).origin, 'utf8')).toBe(origin);
    const { status, slipway } = await hostStatus(host);
    expect([status.booted?.composefs.verity, status.rollback?.composefs.verity]).toEqual([
      host.bootedId,
      old,
    ]);
    expect(slipway).toMatchObject({ health: 'good', problems: [] });
    expect((await events(host)).slice(-1)).toEqual(['adopted']);
    const [first] = (await readBootEntries(host.esp)).entries;
    expect(first?.entry.fields).toContainEqual({ key: 'title', value: 'Test Linux 7 (2)' });

    const started = await boot(dir.path);
    expect(started.bootedId).toBe(host.bootedId);
    await recordBoot(started);
    expect(await stage(started, NEXT)).toMatchObject({ kind: 'staged' });
    const updated = await reboot(started);
    await bless(updated);
    await recordBoot(updated);
    expect(updated.bootedId).not.toBe(started.bootedId);
    // The kernel did not change: the new deployment starts bootc's; that of the deployment that went is gone.
    expect(await kernels(updated)).toEqual(['bootc_composefs']);
    expect(await deploymentIds(dir.path)).toEqual([started.bootedId, updated.bootedId].toSorted());

    expect(await rollback(updated)).toMatchObject({ kind: 'queued', deployment: started.bootedId });
    const back = await boot(dir.path);
    await bless(back);
    await recordBoot(back);
    expect(back.bootedId).toBe(started.bootedId);
    expect(await cleanUp(back)).toMatchObject({ kind: 'cleaned' });
    expect((await hostStatus(back)).slipway.problems).toEqual([]);
  });
});
