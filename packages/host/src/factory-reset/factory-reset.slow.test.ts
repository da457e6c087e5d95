import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pathExists } from '../directory.ts';
import { hostStatus } from '../status.ts';
import { editEtc, etcOf, events, installed, V2 } from '../testing/scenario.ts';
import { bless, hostDir, reboot, stage, type TestHost } from '../testing/test-host.ts';
import { finishFactoryReset } from './finish-factory-reset.ts';
import { resetPaths } from './layout.ts';
import {
  cancelFactoryReset,
  type FactoryResetOptions,
  requestFactoryReset,
} from './request-factory-reset.ts';

const SURE = { keep: [], dryRun: false, acknowledgesDestruction: true } satisfies FactoryResetOptions;

async function withVar(host: TestHost): Promise<void> {
  await mkdir(join(host.layout.varDirectory, 'lib/shop/deep'), { recursive: true });
  await writeFile(join(host.layout.varDirectory, 'lib/shop/deep/db'), 'mine');
}

describe('asking for a factory reset', () => {
  test('changes nothing without being sure, and says what would go', async () => {
    await using dir = await hostDir('factory-reset');
    const host = await installed(dir.path);
    await editEtc(host);
    const unsure = { ...SURE, acknowledgesDestruction: false };
    await expect(requestFactoryReset(host, unsure)).rejects.toMatchObject({ code: 'USAGE' });
    const plan = await requestFactoryReset(host, { ...unsure, dryRun: true });
    expect(plan).toMatchObject({ kind: 'would-reset', apps: [], kept: [] });
    expect(plan.etcDifferences).toBeGreaterThan(3);
    expect(await pathExists(resetPaths(host.layout).directory)).toBe(false);
  });

  test('notes down what stays, with the directories it lies in; and can be taken back', async () => {
    await using dir = await hostDir('factory-reset');
    const host = await installed(dir.path);
    await editEtc(host);
    await withVar(host);
    const keep = ['/etc/sub/local/', '/etc/sub/local/file', '/var/lib/shop/deep/../deep'];
    const plan = await requestFactoryReset(host, { ...SURE, keep });
    expect(plan).toMatchObject({ kind: 'queued', kept: ['/etc/sub/local', '/var/lib/shop/deep'] });
    const { directory } = resetPaths(host.layout);
    expect(await readFile(join(directory, 'keep-etc'), 'utf8')).toBe('sub/local\n');
    expect(await readFile(join(directory, 'keep-var'), 'utf8')).toBe('lib/shop/deep\n');
    expect(await readdir(join(directory, 'var'), { recursive: true })).toEqual(['lib', 'lib/shop']);
    expect((await hostStatus(host)).slipway.factoryReset).toBe('queued');
    expect(await cancelFactoryReset(host)).toEqual({ kind: 'cancelled' });
    expect(await cancelFactoryReset(host)).toEqual({ kind: 'nothing-queued' });
    expect((await hostStatus(host)).slipway.factoryReset).toBeNull();
    expect((await readdir(host.layout.state)).filter((name) => name.startsWith('factory'))).toEqual([]);
    expect(await events(host)).toEqual(
      expect.arrayContaining(['factory-reset-queued', 'factory-reset-cancelled']),
    );
  });

  test.each([
    ['relative', 'etc/x'],
    ['elsewhere', '/usr/lib'],
    ['all of it', '/etc'],
    ['all of it, too', '/var/'],
    ['out of it', '/etc/../usr/lib'],
    ['not there', '/var/lib/nothing'],
    ['below a file', '/etc/default/x'],
    ['two lines', '/etc/default\n/etc/edited'],
  ])('refuses to keep a path that is %s', async (_what, path) => {
    await using dir = await hostDir('factory-reset');
    const host = await installed(dir.path);
    await expect(requestFactoryReset(host, { ...SURE, keep: [path] })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});

describe('finishing a factory reset', () => {
  /** As the initramfs leaves a host of two deployments. */
  async function resetByBoot(directory: string): Promise<{ host: TestHost; other: string }> {
    const first = await installed(directory);
    await stage(first, V2);
    const host = await reboot(first);
    await bless(host);
    await editEtc(host);
    await requestFactoryReset(host, SURE);
    const paths = resetPaths(host.layout);
    await mkdir(paths.old);
    const other = host.layout.deployment(first.bootedId).etc;
    await rename(other, join(paths.old, `etc-${first.bootedId}`));
    for (const name of ['added', 'sub/local']) await rm(join(host.etc, name), { recursive: true });
    await writeFile(paths.done, '');
    return { host, other };
  }

  test('gives the other deployment its /etc, removes what was there, and is over', async () => {
    await using dir = await hostDir('factory-reset');
    const { host, other } = await resetByBoot(dir.path);
    await expect(requestFactoryReset(host, SURE)).rejects.toMatchObject({ code: 'STATE_INVALID' });
    await expect(cancelFactoryReset(host)).rejects.toMatchObject({ code: 'STATE_INVALID' });
    await writeFile(join(host.etc, 'machine-id'), 'id');
    expect(await finishFactoryReset(host)).toBe('reset');
    const restored = await etcOf({ ...host, etc: other });
    expect(restored).toMatchObject({ default: 'v1', 'machine-id': 'id' });
    expect(Object.keys(restored)).not.toContain('added');
    expect((await readdir(host.layout.state)).filter((name) => name.startsWith('factory'))).toEqual([]);
    expect(await events(host)).toContain('factory-reset');
    expect(await finishFactoryReset(host)).toBe('nothing-to-do');
  });

  test('tells of one that was given up, and clears away what a cut left', async () => {
    await using dir = await hostDir('factory-reset');
    const host = await installed(dir.path);
    const paths = resetPaths(host.layout);
    for (const path of [paths.failed, paths.finished, paths.part]) await mkdir(path);
    expect(await finishFactoryReset(host)).toBe('not-reset');
    expect(await events(host)).toContain('factory-reset-failed');
    expect((await readdir(host.layout.state)).filter((name) => name.startsWith('factory'))).toEqual([]);
  });

  test('leaves a request alone that no boot has begun', async () => {
    await using dir = await hostDir('factory-reset');
    const host = await installed(dir.path);
    await requestFactoryReset(host, SURE);
    expect(await finishFactoryReset(host)).toBe('nothing-to-do');
    expect(await pathExists(resetPaths(host.layout).directory)).toBe(true);
  });
});
