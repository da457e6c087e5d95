/** The life of a host in a directory: the real packages on a real file system, only the kernel is missing. */
import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError, silentLog } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { recordBoot } from './booted.ts';
import { finalizeStaged } from './finalize.ts';
import { readHistory } from './history.ts';
import { rollback } from './rollback.ts';
import { hostStatus } from './status.ts';
import {
  ETC_V1_EDITED,
  ETC_V2_MERGED,
  editEtc,
  etcOf,
  events,
  installed,
  optionsOfNext,
  V1,
  V2,
  V3,
} from './testing/scenario.ts';
import {
  bless,
  boot,
  bootByHand,
  deploymentIds,
  entryNames,
  hostDir,
  installHost,
  reboot,
  stage,
} from './testing/test-host.ts';
import type { TestImage } from './testing/test-image.ts';

describe('a host', () => {
  test('is updated, goes back, and is updated again', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await editEtc(v1);

    const staged = await stage(v1, V2);
    expect(staged).toMatchObject({ kind: 'staged', version: '2' });
    expect(staged.kind === 'staged' && staged.etcConflicts).toEqual([
      { path: '/etc/deleted', kind: 'deleted-here' },
      { path: '/etc/edited', kind: 'both-changed' },
    ]);
    expect(await entryNames(dir.path)).toEqual(['slipway-1.conf']);
    expect(await stage(v1, V2)).toMatchObject({ kind: 'already-staged' });

    // An edit after staging counts as well.
    await writeFile(join(v1.etc, 'sub/local/file'), 'mine');
    const v2 = await reboot(v1);
    expect(v2.bootedId).toBe(staged.deployment);
    expect(await entryNames(dir.path)).toEqual(['slipway-2+2-1.conf', 'slipway-1.conf']);
    expect(await optionsOfNext(dir.path)).toBe(`root=UUID=1 rw composefs=${v2.bootedId} splash loglevel=4`);
    expect(await recordBoot(v2)).toMatchObject({ outcome: 'as-expected' });
    expect(await recordBoot(v2)).toMatchObject({ outcome: 'already-recorded' });
    await bless(v2);
    expect(await etcOf(v2)).toEqual(ETC_V2_MERGED);
    const stat = execFileSync('stat', ['-c', '%n %a %Y', 'added', 'secret', 'sub', 'default'], {
      cwd: v2.etc,
    });
    expect(stat.toString()).toMatch(
      /^added 4711 \d+\nsecret 640 1700000000\nsub 750 \d+\ndefault 644 1700000000\n$/,
    );
    expect(await stage(v2, V2)).toMatchObject({ kind: 'up-to-date' });

    expect(await rollback(v2)).toMatchObject({ kind: 'queued', deployment: v1.bootedId, version: '1' });
    const back = await reboot(v2);
    expect(back.bootedId).toBe(v1.bootedId);
    expect(await recordBoot(back)).toMatchObject({ outcome: 'as-expected' });
    await bless(back);
    expect(await etcOf(back)).toEqual(ETC_V1_EDITED);
    expect(await entryNames(dir.path)).toEqual(['slipway-3.conf', 'slipway-2.conf']);

    expect(await stage(back, V2)).toMatchObject({ kind: 'staged', deployment: v2.bootedId });
    const again = await reboot(back);
    expect(again.bootedId).toBe(v2.bootedId);
    expect(await recordBoot(again)).toMatchObject({ outcome: 'as-expected' });
    expect(await etcOf(again)).toEqual(ETC_V2_MERGED);
    expect(await events(again)).toEqual([
      'booted',
      'staged',
      'finalized',
      'booted',
      'rollback-queued',
      'booted',
      'staged',
      'finalized',
      'booted',
    ]);
  });

  test('keeps two deployments and shares an equal kernel', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await stage(v1, V2);
    const v2 = await reboot(v1);
    await recordBoot(v2);
    await stage(v2, V3);
    expect(await deploymentIds(dir.path)).toHaveLength(3);
    const v3 = await reboot(v2);
    await recordBoot(v3);
    expect(await deploymentIds(dir.path)).toEqual([v2.bootedId, v3.bootedId].toSorted());
    expect(await readdir(join(v3.esp, 'EFI/Linux'))).toEqual([`slipway-${v2.bootedId}`]);
    expect(await readdir(join(v3.layout.composefs, 'images'))).toHaveLength(2);
    expect((await readHistory(v3.layout.history)).findLast(({ event }) => event === 'removed')).toMatchObject(
      {
        deployment: v1.bootedId,
      },
    );
  });

  test('replaces a staged update, and drops it when a rollback is asked for', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    const first = await stage(v1, V2);
    const second = await stage(v1, V3);
    expect(await deploymentIds(dir.path)).toEqual([v1.bootedId, second.deployment].toSorted());
    expect(first.deployment).not.toBe(second.deployment);
    const v3 = await reboot(v1);
    await recordBoot(v3);
    await stage(v3, V2);
    expect(await rollback(v3)).toMatchObject({ deployment: v1.bootedId, unstaged: first.deployment });
    expect((await boot(dir.path)).bootedId).toBe(v1.bootedId);
  });

  test('takes a rollback back', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await stage(v1, V2);
    const v2 = await reboot(v1);
    await recordBoot(v2);
    await bless(v2);
    const before = await entryNames(dir.path);
    await rollback(v2);
    expect(await hostStatus(v2)).toMatchObject({
      spec: { bootOrder: 'rollback' },
      status: { rollbackQueued: true, rollback: { composefs: { verity: v1.bootedId } } },
    });
    expect(await rollback(v2)).toMatchObject({ kind: 'cancelled', deployment: v2.bootedId });
    expect(await entryNames(dir.path)).toEqual(before);
    const next = await boot(dir.path);
    expect(next.bootedId).toBe(v2.bootedId);
    expect(await recordBoot(next)).toMatchObject({ outcome: 'as-before' });
  });

  test('has nothing to go back to at first', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    const thrown: unknown = await rollback(v1).catch((error: unknown) => error);
    expect(isSlipwayError(thrown, 'NO_ROLLBACK')).toBe(true);
  });

  test('says so when the boot loader gave up on an update', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await stage(v1, V2);
    await finalizeStaged(v1);
    const tries = [await boot(dir.path), await boot(dir.path), await boot(dir.path)];
    expect(new Set(tries.map(({ bootedId }) => bootedId))).not.toContain(v1.bootedId);
    const back = await boot(dir.path);
    expect(back.bootedId).toBe(v1.bootedId);
    expect(await recordBoot(back)).toMatchObject({
      outcome: 'rolled-back-by-boot-loader',
      reason: 'the upgrade did not come up in 3 attempts',
    });
    expect((await events(back)).slice(-3)).toEqual(['rolled-back-by-boot-loader', 'denied', 'booted']);
    // Asked for again, it gets its attempts anew.
    expect(await rollback(back)).toMatchObject({ kind: 'queued', deployment: tries[0]?.bootedId });
    expect((await boot(dir.path)).bootedId).toBe(tries[0]?.bootedId);
  });

  test('follows another reference to what it runs without a reboot', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    expect(await stage(v1, { ...V1, tag: 'other' })).toMatchObject({ kind: 'retargeted' });
    // Another manifest of the same tree.
    expect(await stage(v1, { ...V1, tag: 'third', version: '1.0.1' })).toMatchObject({ kind: 'retargeted' });
    const { spec, status } = await hostStatus(v1);
    expect(spec.image?.image.endsWith(':third')).toBe(true);
    expect(status.booted?.image?.version).toBe('1.0.1');
    expect(status.booted?.composefs.bootDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(await entryNames(dir.path)).toEqual(['slipway-1.conf']);
  });

  test('keeps its own kernel arguments', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    const path = join(v1.esp, 'loader/entries/slipway-1.conf');
    await writeFile(path, (await readFile(path, 'utf8')).replace('quiet', 'console=ttyS1 loglevel=7 quiet'));
    await stage(v1, V2);
    const v2 = await reboot(v1);
    expect(await optionsOfNext(dir.path)).toBe(
      `root=UUID=1 rw console=ttyS1 loglevel=4 loglevel=7 composefs=${v2.bootedId} splash`,
    );
  });
});

test('users the image adds arrive in an edited passwd', async () => {
  const lines = (...names: readonly string[]): string =>
    names.map((name, index) => `${name}:x:${100 + index}:${100 + index}::/:/bin/sh\n`).join('');
  const withUsers = (image: TestImage, ...names: readonly string[]): TestImage => ({
    ...image,
    files: { ...image.files, 'etc/passwd': lines(...names), 'etc/hosts': image.version ?? '' },
  });
  await using dir = await hostDir('host');
  await installHost(dir.path, withUsers(V1, 'root', 'daemon'));
  const v1 = await boot(dir.path);
  await recordBoot(v1);
  const local = 'alice:x:1000:1000::/home/alice:/bin/sh\n';
  await writeFile(join(v1.etc, 'passwd'), lines('root', 'daemon') + local);
  const staged = await stage(v1, withUsers(V2, 'root', 'daemon', 'www'), 'fail');
  expect(staged).toMatchObject({
    kind: 'staged',
    etcConflicts: [],
    etcAccounts: [{ path: '/etc/passwd', added: ['www'], changed: [], removed: [] }],
  });
  const v2 = await reboot(v1);
  expect(await readFile(join(v2.etc, 'passwd'), 'utf8')).toBe(
    lines('root', 'daemon') + local + lines('root', 'daemon', 'www').split('\n')[2] + '\n',
  );
});

describe('a boot', () => {
  test('of something else than was to come is noticed', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await stage(v1, V2);
    await finalizeStaged(v1);
    const host = bootByHand(dir.path, v1.bootedId);
    expect(await recordBoot(host)).toMatchObject({ outcome: 'unexpected' });
    expect(await entryNames(dir.path)).toEqual(['slipway-2+3.conf', 'slipway-1.conf']);
  });

  test('of what is staged, by hand, ends the staging', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await stage(v1, V2);
    const v2 = await reboot(v1);
    await recordBoot(v2);
    await rollback(v2);
    const back = await reboot(v2);
    await recordBoot(back);
    await stage(back, V2);
    const byHand = bootByHand(dir.path, v2.bootedId);
    expect(await recordBoot(byHand)).toMatchObject({
      outcome: 'as-before',
      interrupted: undefined,
    });
    expect((await hostStatus(byHand)).slipway.staged).toBeNull();
  });

  test('is good even when what it finds is damaged', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await writeFile(v1.layout.staged, '{"version":1');
    await writeFile(v1.layout.expected, '[]');
    const host = await boot(dir.path);
    expect(await recordBoot(host)).toMatchObject({ outcome: 'as-before' });
    expect((await hostStatus(host)).slipway.problems).toEqual([]);
    const said = (await readHistory(host.layout.history)).filter(({ event }) => event === 'repaired');
    expect(said.map(({ reason }) => reason)).toEqual([
      `${v1.layout.staged} was damaged and was put aside as staged.json.damaged: no update is staged; stage it again`,
      expect.stringContaining(`${v1.layout.expected} was damaged`),
    ]);
    expect(await readFile(`${v1.layout.expected}.damaged`, 'utf8')).toBe('[]');
    expect(await stage(host, V2)).toMatchObject({ kind: 'staged' });
    expect((await hostStatus(host)).slipway.problems).toEqual([]);
  });

  test('is good even when it cannot be recorded', async () => {
    await using dir = await hostDir('host');
    await installed(dir.path);
    const host = { ...(await boot(dir.path)), esp: join(dir.path, 'nothing-mounted-here') };
    expect(await recordBoot(host)).toMatchObject({
      outcome: 'not-recorded',
      reason: expect.stringContaining('cannot find the boot partition'),
    });
  });
});

describe('an entry pinned in the firmware', () => {
  test.each([
    ['slipway-1.conf', 1, []],
    ['windows.conf', 0, ['the boot loader is set to start another entry by default']],
    [undefined, 0, []],
  ] as const)('%s', async (pinned, unpinned, warnings) => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await stage(v1, V2);
    let calls = 0;
    const host = {
      ...v1,
      pinnedEntry: async () => pinned,
      unpinEntry: async () => {
        calls += 1;
      },
    };
    const said: string[] = [];
    await finalizeStaged(host, { log: { ...silentLog, warn: (message) => said.push(message) } });
    expect([calls, said]).toEqual([unpinned, warnings]);
  });
});
