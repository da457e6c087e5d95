/** What a host keeps: pins, policy, deny-list, and deployments gone back to or deleted by name. */
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { allowDenied } from './allow.ts';
import { recordBoot } from './booted.ts';
import { cleanUp, deleteDeployment } from './cleanup.ts';
import { finalizeStaged } from './finalize.ts';
import { setPinned } from './pin.ts';
import { rollback } from './rollback.ts';
import { hostStatus } from './status.ts';
import { events, installed, V1, V2, V3 } from './testing/scenario.ts';
import { bless, boot, deploymentIds, hostDir, reboot, stage, type TestHost } from './testing/test-host.ts';
import type { TestImage } from './testing/test-image.ts';
import { unstage } from './unstage.ts';

const V4: TestImage = { ...V3, version: '4', files: { ...V3.files, 'etc/default': 'v4' } };

async function update(host: TestHost, image: TestImage): Promise<TestHost> {
  await stage(host, image);
  const next = await reboot(host);
  await recordBoot(next);
  await bless(next);
  return next;
}

async function roles(host: TestHost): Promise<readonly string[]> {
  const { deployments } = (await hostStatus(host)).slipway;
  return deployments.map(
    ({ index, role, version, pinned }) => `${index} ${role} ${version}${pinned ? ' pinned' : ''}`,
  );
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const thrown: unknown = await promise.catch((error: unknown) => error);
  return isSlipwayError(thrown) ? thrown.code : 'none';
}

describe('a pinned deployment', () => {
  test('outlives updates, boots again by name, and goes once it is unpinned', async () => {
    await using dir = await hostDir('pin');
    const v1 = await installed(dir.path);
    expect(await setPinned(v1, undefined, true)).toMatchObject({ kind: 'pinned', deployment: v1.bootedId });
    expect(await setPinned(v1, 'booted', true)).toMatchObject({ kind: 'unchanged' });
    const v4 = await update(await update(await update(v1, V2), V3), V4);
    expect(await roles(v4)).toEqual(['0 booted 4', '1 rollback 3', '2 other 1 pinned']);
    expect((await hostStatus(v4)).status.otherDeployments[0]).toMatchObject({ pinned: true });
    expect(await codeOf(deleteDeployment(v4, '2'))).toBe('DEPLOYMENT_IN_USE');

    expect(await rollback(v4, { to: '2' })).toMatchObject({ kind: 'queued', deployment: v1.bootedId });
    const back = await boot(dir.path);
    expect(back.bootedId).toBe(v1.bootedId);
    expect(await recordBoot(back)).toMatchObject({ outcome: 'as-expected' });
    expect(await roles(back)).toEqual(['0 booted 1 pinned', '1 rollback 4']);

    const v5 = await update(back, V4);
    await setPinned(v5, v1.bootedId.slice(0, 8), false);
    await update(v5, V2);
    expect(await deploymentIds(dir.path)).not.toContain(v1.bootedId);
    const pins = (await events(v5)).filter((event) => event.includes('pinned'));
    expect(pins).toEqual(['pinned', 'unpinned']);
  });

  test('is named by what names one only', async () => {
    await using dir = await hostDir('pin');
    const v1 = await installed(dir.path);
    for (const name of ['7', 'staged', 'zz', 'abc', '', 'sha256:00']) {
      expect([name, await codeOf(setPinned(v1, name, true))]).toEqual([name, 'NO_SUCH_DEPLOYMENT']);
    }
  });
});

describe('the policy', () => {
  test('keeps as many as it says, and nothing goes while it is damaged', async () => {
    await using dir = await hostDir('keep');
    const v1 = await installed(dir.path);
    await mkdir(join(v1.etc, 'slipway'));
    await writeFile(join(v1.etc, 'slipway/deployments.toml'), 'keep = 2\n');
    const v3 = await update(await update(v1, V2), V3);
    expect(await roles(v3)).toEqual(['0 booted 3', '1 rollback 2', '2 other 1']);
    await writeFile(join(v3.etc, 'slipway/deployments.toml'), 'keep = "all"\n');
    const v4 = await update(v3, V4);
    expect(await roles(v4)).toEqual(['0 booted 4', '1 rollback 3', '2 other 2', '3 other 1']);
    expect(await codeOf(cleanUp(v4))).toBe('STATE_INVALID');
    await writeFile(join(v4.etc, 'slipway/deployments.toml'), 'keep = 1\n');
    expect(await cleanUp(v4, { dryRun: true })).toMatchObject({ kind: 'would-clean' });
    expect(await deploymentIds(dir.path)).toHaveLength(4);
    const cleaned = await cleanUp(v4);
    expect(cleaned).toMatchObject({ kind: 'cleaned' });
    expect(cleaned.deployments).toHaveLength(2);
    expect(cleaned.objects).toBeGreaterThan(0);
    expect(await roles(v4)).toEqual(['0 booted 4', '1 rollback 3']);
  });

  test('a staged update is taken back with what only it needed', async () => {
    await using dir = await hostDir('unstage');
    const v1 = await installed(dir.path);
    expect(await unstage(v1)).toEqual({ kind: 'nothing-staged' });
    const { deployment } = await stage(v1, V2);
    expect(await codeOf(deleteDeployment(v1, 'staged'))).toBe('DEPLOYMENT_IN_USE');
    expect(await unstage(v1)).toMatchObject({ kind: 'unstaged', deployment });
    expect(await deploymentIds(dir.path)).toEqual([v1.bootedId]);
    expect(await readdir(join(v1.esp, 'EFI/Linux'))).toHaveLength(1);
    expect((await reboot(v1)).bootedId).toBe(v1.bootedId);
  });

  test('deletes what is named, and nothing that is needed', async () => {
    await using dir = await hostDir('delete');
    const v1 = await installed(dir.path);
    expect(await codeOf(deleteDeployment(v1, 'booted'))).toBe('DEPLOYMENT_IN_USE');
    const v2 = await update(v1, V2);
    await rollback(v2);
    expect(await codeOf(deleteDeployment(v2, 'rollback'))).toBe('DEPLOYMENT_IN_USE');
    await rollback(v2);
    expect(await deleteDeployment(v2, 'rollback')).toMatchObject({ deployment: v1.bootedId, version: '1' });
    expect(await roles(v2)).toEqual(['0 booted 2']);
    expect((await boot(dir.path)).bootedId).toBe(v2.bootedId);
  });
});

/** Three attempts, each recorded as a boot whose checks fail afterwards, or none of them. */
async function fail(host: TestHost, reachesUserspace: boolean): Promise<TestHost> {
  await finalizeStaged(host);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const tried = await boot(host.directory);
    if (reachesUserspace) await recordBoot(tried);
  }
  return boot(host.directory);
}

describe('an image that did not come up', () => {
  test.each([
    ['before it could say so', false],
    ['because its checks failed', true],
  ])('%s is not staged again until it is allowed', async (_how, reachesUserspace) => {
    await using dir = await hostDir('deny');
    const v1 = await installed(dir.path);
    const bad = await stage(v1, V2);
    const back = await fail(v1, reachesUserspace);
    expect(back.bootedId).toBe(v1.bootedId);
    expect(await recordBoot(back)).toMatchObject({ outcome: 'rolled-back-by-boot-loader' });
    expect((await hostStatus(back)).slipway.denied).toMatchObject([
      {
        manifestDigest: bad.manifestDigest,
        deployment: bad.deployment,
        version: '2',
        reason: 'the upgrade did not come up in 3 attempts',
      },
    ]);
    expect(await stage(back, V2)).toMatchObject({ kind: 'denied', deployment: bad.deployment });
    // The same files under another manifest come up no better.
    const renamed = { ...V2, version: '2.0.1' };
    expect(await stage(back, renamed)).toMatchObject({ kind: 'denied', deployment: bad.deployment });
    expect(await recordBoot(await boot(dir.path))).toMatchObject({ outcome: 'as-before' });
    expect(await codeOf(allowDenied(back, 'ffff'))).toBe('NO_SUCH_DEPLOYMENT');
    expect((await allowDenied(back, bad.manifestDigest)).allowed).toHaveLength(1);
    expect(await stage(back, V2)).toMatchObject({ kind: 'staged' });
    expect(await events(back)).toEqual(expect.arrayContaining(['denied', 'allowed']));
  });

  test('does not stand in the way of the next one, and a damaged list denies nothing', async () => {
    await using dir = await hostDir('deny');
    const v1 = await installed(dir.path);
    await stage(v1, V2);
    const back = await fail(v1, false);
    await recordBoot(back);
    const v3 = await update(back, V3);
    expect(await roles(v3)).toEqual(['0 booted 3', '1 rollback 1']);
    expect(await stage(v3, V2)).toMatchObject({ kind: 'denied' });
    await writeFile(v3.layout.denied, '{"version":1,"denied":[{}]}');
    expect((await hostStatus(v3)).slipway.problems).toEqual([
      `cannot read ${v3.layout.denied}: it is damaged`,
    ]);
    expect(await stage(v3, V2)).toMatchObject({ kind: 'staged' });
    expect(await stage(v3, V1)).toMatchObject({ kind: 'staged' });
  });

  test('is staged by who insists, which ends the denial', async () => {
    await using dir = await hostDir('deny');
    const v1 = await installed(dir.path);
    await stage(v1, V2);
    const back = await fail(v1, true);
    await recordBoot(back);
    expect(await stage(back, V2, 'ours', { allowDenied: true })).toMatchObject({ kind: 'staged' });
    expect((await hostStatus(back)).slipway.denied).toEqual([]);
    expect(await stage(back, V2)).toMatchObject({ kind: 'already-staged' });
  });
});

test('power that fails while pinned deployments are collected around leaves them bootable', async () => {
  await using dir = await hostDir('cuts');
  const machine = join(dir.path, 'machine');
  const v1 = await installed(machine);
  await setPinned(v1, undefined, true);
  const v2 = await update(v1, V2);
  const v3 = await update(v2, V3);
  await stage(v3, V4);
  await finalizeStaged(v3);
  const v4 = await boot(machine);
  let cuts = 0;
  const cutting: TestHost = {
    ...v4,
    checkpoint: () => {
      execFileSync('cp', ['-a', machine, join(dir.path, `cut-${cuts}`)]);
      cuts += 1;
    },
  };
  await recordBoot(cutting);
  await rollback(cutting, { to: v1.bootedId });
  expect(cuts).toBeGreaterThan(2);
  for (let cut = 0; cut < cuts; cut += 1) {
    const host = await boot(join(dir.path, `cut-${cut}`));
    expect([v4.bootedId, v1.bootedId]).toContain(host.bootedId);
    await recordBoot(host);
    expect(await deploymentIds(host.directory)).toContain(v1.bootedId);
    if (host.bootedId === v4.bootedId) await rollback(host, { to: v1.bootedId });
    expect((await boot(host.directory)).bootedId).toBe(v1.bootedId);
  }
});
