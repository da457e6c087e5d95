import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, operation, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BlockDevice } from '../block/block-device.ts';
import { type DiskSelection, isSelected, mayErase } from '../kickstart/disk-selection.ts';
import type { KickstartScript } from '../kickstart/plan.ts';
import { testDevice } from '../testing/test-device.ts';
import { onlyDisk, readyKickstart, runErrorScripts } from './kickstart-run.ts';
import { runScript } from './run-script.ts';
import type { InstallStep } from './step.ts';
import { withScripts } from './with-scripts.ts';

const ANY: DiskSelection = {
  use: [],
  ignore: [],
  clear: 'none',
  partitions: [],
  clearDrives: [],
  newLabel: undefined,
  initialisesUnreadable: false,
};

let temp: TempDir;
beforeAll(async () => {
  temp = await makeTempDir('kickstart');
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

describe('the disk a kickstart file means', () => {
  const used = testDevice('/dev/sda', { mountpoints: ['/'] });
  const rom = testDevice('/dev/sr0', { type: 'rom' });

  test.each<[string, Partial<DiskSelection>, readonly BlockDevice[], string]>([
    ['the only one that is free', {}, [used, rom, testDevice('/dev/sdb')], '/dev/sdb'],
    ['the one named', { use: ['sdc'] }, [testDevice('/dev/sdb'), testDevice('/dev/sdc')], '/dev/sdc'],
    [
      'the one not ignored',
      { ignore: ['sd[x]', 'sdb'] },
      [testDevice('/dev/sdb'), testDevice('/dev/sdc')],
      '/dev/sdc',
    ],
    [
      'by pattern',
      { use: ['nvme*|vd?'] },
      [testDevice('/dev/sdb'), testDevice('/dev/nvme0n1')],
      '/dev/nvme0n1',
    ],
  ])('%s', (_, selection, devices, path) => {
    expect(onlyDisk({ ...ANY, ...selection }, devices)).toBe(path);
  });

  test.each<[string, Partial<DiskSelection>, readonly BlockDevice[], RegExp]>([
    ['two will do', {}, [testDevice('/dev/sdb'), testDevice('/dev/sdc')], /: 2 will do$/],
    ['none is free', {}, [used, rom], /leaves none that is free$/],
    ['none is named so', { use: ['vda'] }, [testDevice('/dev/sdb')], /leaves none that is free$/],
  ])('is asked for where %s', (_, selection, devices, message) => {
    expect(() => onlyDisk({ ...ANY, ...selection }, devices)).toThrow(
      expect.objectContaining({ code: 'DISK_NOT_FOUND', message: expect.stringMatching(message) }),
    );
  });

  test.each<[string, Partial<DiskSelection>, boolean]>([
    ['clearpart is missing', {}, false],
    ['clearpart --all', { clear: 'all' }, true],
    ['clearpart --all --drives=sdb', { clear: 'all', clearDrives: ['sdb'] }, true],
    ['clearpart --all --drives=sdc', { clear: 'all', clearDrives: ['sdc'] }, false],
    ['clearpart --linux', { clear: 'linux' }, false],
    ['ignoredisk --drives=sdb, clearpart --all', { clear: 'all', ignore: ['sdb'] }, false],
  ])('with %s may be erased: %#', (_, selection, erased) => {
    expect(mayErase({ ...ANY, ...selection }, '/dev/sdb')).toBe(erased);
  });

  test('a dot is a dot', () => {
    expect(isSelected({ ...ANY, use: ['s.b'] }, '/dev/sdb')).toBe(false);
  });
});

describe('scripts', () => {
  const script = (body: string, more: Partial<KickstartScript> = {}): KickstartScript => ({
    when: 'pre',
    interpreter: '/bin/sh',
    inNewSystem: false,
    stopsOnError: false,
    logFile: undefined,
    body,
    file: 'ks.cfg',
    line: 3,
    ...more,
  });
  const outside = { root: undefined, installPath: '/target' };

  test('run with their interpreter, know where the new system is, and are logged', async () => {
    const logFile = join(temp.path, 'logs/script.log');
    await runScript(script('echo "at $ANA_INSTALL_PATH"; echo wrong >&2', { logFile }), outside, operation());
    expect((await readFile(logFile, 'utf8')).split('\n').toSorted()).toEqual(['', 'at /target', 'wrong']);
  });

  test('that fail stop an installation only where that was asked for', async () => {
    await runScript(script('exit 3'), outside, operation());
    await expect(
      runScript(script('exit 3', { stopsOnError: true }), outside, operation()),
    ).rejects.toMatchObject({
      code: 'SCRIPT_FAILED',
      message: expect.stringMatching(/^cannot go on: %pre of ks\.cfg:3 failed: .*ended with 3/),
    });
  });

  test('%pre writes what the file includes; %onerror runs when told to', async () => {
    const path = join(temp.path, 'ks.cfg');
    const part = join(temp.path, 'part.cfg');
    const mark = join(temp.path, 'mark');
    await writeFile(
      path,
      `%pre\necho 'timezone Europe/Rome' > ${part}\n%end\n%include ${part}\nrootpw --lock\nreboot\n%onerror\necho sorry > ${mark}\n%end\n`,
    );
    const plan = await readyKickstart(path, { runsScripts: true });
    expect(plan.config.config.customizations?.timezone).toEqual({ timezone: 'Europe/Rome' });
    await runErrorScripts(plan, {});
    expect(await readFile(mark, 'utf8')).toBe('sorry\n');
  });

  test('a file with errors stops before anything else runs', async () => {
    const path = join(temp.path, 'bad.cfg');
    await writeFile(path, 'part / --size=much\nreboot\n');
    await expect(readyKickstart(path, { runsScripts: true })).rejects.toMatchObject({
      code: 'KICKSTART_INVALID',
    });
    await writeFile(path, 'mount /dev/sda1 /srv\nreboot\n');
    await expect(readyKickstart(path, { runsScripts: true })).rejects.toMatchObject({
      hint: expect.stringContaining('install to-filesystem'),
    });
  });

  test('stand in a plan where Anaconda has them', () => {
    const steps: readonly InstallStep[] = [
      { kind: 'clear', path: '/dev/vda', offsetBytes: 0, lengthBytes: 1 },
      { kind: 'write-disk', path: '/dev/vda', partitions: [] },
      { kind: 'release' },
    ];
    const kinds = (scripts: readonly KickstartScript[]): readonly string[] =>
      withScripts(steps, scripts, { mounts: [], deployment: 'id' }).map((step) =>
        step.kind === 'run-script' ? step.when : step.kind,
      );
    expect(kinds([script('', { when: 'onerror' })])).toEqual(['clear', 'write-disk', 'release']);
    expect(kinds([script('', { when: 'post' }), script('', { when: 'pre-install' })])).toEqual([
      'clear',
      'pre-install',
      'write-disk',
      'mount-system',
      'post',
      'release',
    ]);
    expect(() =>
      withScripts(steps, [script('', { when: 'post' })], { mounts: undefined, deployment: 'id' }),
    ).toThrow(expect.objectContaining({ code: 'DISK_UNSUITABLE' }));
  });
});
