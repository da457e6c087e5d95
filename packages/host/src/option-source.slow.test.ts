import { bootEntryOptions, entryOptionSources, readBootEntries } from '@slipway/boot';
import { isSlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { blessBoot } from './bless.ts';
import { recordBoot } from './booted.ts';
import { readHostState } from './deployment.ts';
import { decideAfterFailedBoot } from './health/failed-boot.ts';
import { setOptionsForSource } from './option-source.ts';
import { rollback } from './rollback.ts';
import { planSoftReboot } from './soft-reboot.ts';
import { readStaged } from './staged.ts';
import { hostStatus } from './status.ts';
import { bootByGrub, installGrub } from './testing/grub-boot.ts';
import { events, installed, optionsOfNext, V2, V3 } from './testing/scenario.ts';
import {
  bless,
  boot,
  entryNames,
  hostDir,
  partsOf,
  reboot,
  stage,
  type TestHost,
} from './testing/test-host.ts';

/** A host whose kernel was given what its boot entry says. */
async function knowing(host: TestHost): Promise<TestHost> {
  const options = await optionsOfNext(host.directory);
  return { ...host, commandLine: async () => options };
}

async function started(directory: string): Promise<TestHost> {
  return await knowing(await installed(directory));
}

async function restarted(host: TestHost): Promise<TestHost> {
  const next = await knowing(await reboot(host));
  await recordBoot(next);
  return next;
}

async function sourcesOfNext(directory: string): Promise<Readonly<Record<string, string>>> {
  const [first] = (await readBootEntries(partsOf(directory).esp)).entries;
  return first === undefined ? {} : entryOptionSources(first.entry);
}

const set = async (host: TestHost, source: string, options: string): Promise<string> =>
  (await setOptionsForSource(host, { source, options })).kind;

describe('kernel arguments of a source', () => {
  test('are tried, and stay once a boot with them was good', async () => {
    await using dir = await hostDir('sources');
    const before = await started(dir.path);
    const plain = await optionsOfNext(dir.path);
    expect(await set(before, 'tuned', 'isolcpus=1-3')).toBe('changed');
    expect(await entryNames(dir.path)).toEqual(['slipway-2+3.conf', 'slipway-1.conf']);
    expect((await hostStatus(before)).slipway).toMatchObject({ health: 'good', bootCounter: null });
    expect((await planSoftReboot(before, 257)).obstacle).toBe('its kernel command line is another one');

    const after = await restarted(before);
    expect(await after.commandLine()).toBe(`${plain} isolcpus=1-3`);
    expect(await entryNames(dir.path)).toEqual(['slipway-2+2-1.conf', 'slipway-1.conf']);
    expect((await hostStatus(after)).slipway.health).toBe('unconfirmed');
    await bless(after);
    await restarted(after);
    expect(await entryNames(dir.path)).toEqual(['slipway-2.conf']);
    expect(await sourcesOfNext(dir.path)).toEqual({ tuned: 'isolcpus=1-3' });
  });

  test('that do not come up are given up, and said', async () => {
    await using dir = await hostDir('sources');
    const before = await started(dir.path);
    await set(before, 'tuned', 'mem=1M');
    for (let tries = 0; tries < 3; tries += 1) await boot(dir.path);
    const back = await knowing(await boot(dir.path));
    expect(await back.commandLine()).not.toContain('mem=1M');
    expect(await recordBoot(back)).toMatchObject({ outcome: 'as-before', deployment: before.bootedId });
    expect(await entryNames(dir.path)).toEqual(['slipway-1.conf']);
    expect((await events(back)).slice(-2)).toEqual(['kernel-arguments-dropped', 'booted']);
    expect((await hostStatus(back)).slipway.health).toBe('good');
  });

  test('whose boot fails its checks go back to the same deployment without them', async () => {
    await using dir = await hostDir('sources');
    const before = await started(dir.path);
    await set(before, 'tuned', 'x=1');
    const state = await readHostState(await knowing(await boot(dir.path)));
    expect(decideAfterFailedBoot(state)).toMatchObject({
      action: 'fall-back',
      entry: { from: 'slipway-2+2-1.conf', to: 'slipway-2+0-1.conf' },
    });
  });

  test('of several sources wait together, and setting them back leaves nothing to try', async () => {
    await using dir = await hostDir('sources');
    const host = await started(dir.path);
    await set(host, 'tuned', 'a=1 b');
    expect(await set(host, 'dracut', 'c')).toBe('changed');
    expect(await set(host, 'dracut', ' c ')).toBe('unchanged');
    expect(await entryNames(dir.path)).toEqual(['slipway-2+3.conf', 'slipway-1.conf']);
    expect(await sourcesOfNext(dir.path)).toEqual({ dracut: 'c', tuned: 'a=1 b' });
    expect(await optionsOfNext(dir.path)).toMatch(/ a=1 b c$/);
    await set(host, 'tuned', '');
    expect(await set(host, 'dracut', '')).toBe('changed');
    expect(await entryNames(dir.path)).toEqual(['slipway-1.conf']);
    expect(await set(host, 'never', '')).toBe('unchanged');
  });

  test('are those of a staged update too, and of updates to come', async () => {
    await using dir = await hostDir('sources');
    const host = await started(dir.path);
    await set(host, 'early', 'e=1');
    await stage(host, V2);
    expect(await set(host, 'late', 'l=1')).toBe('changed');
    expect(await readStaged(host.layout.staged)).toMatchObject({
      options: expect.stringMatching(/ e=1 .*l=1$/),
      optionSources: { early: 'e=1', late: 'l=1' },
    });
    const v2 = await restarted(host);
    expect(v2.bootedId).not.toBe(host.bootedId);
    expect(await sourcesOfNext(dir.path)).toEqual({ early: 'e=1', late: 'l=1' });
    expect(await v2.commandLine()).toContain('loglevel=4');
    await bless(v2);
    await stage(v2, V3);
    await restarted(v2);
    expect(await sourcesOfNext(dir.path)).toEqual({ early: 'e=1', late: 'l=1' });
  });

  test('are not set where a rollback is queued, or are none', async () => {
    await using dir = await hostDir('sources');
    const host = await started(dir.path);
    await stage(host, V2);
    const v2 = await restarted(host);
    await bless(v2);
    await rollback(v2);
    const code = async (source: string, options: string): Promise<unknown> => {
      try {
        return await set(v2, source, options);
      } catch (thrown) {
        return isSlipwayError(thrown) ? thrown.code : thrown;
      }
    };
    expect(await code('tuned', 'a')).toBe('STATE_INVALID');
    expect(await code('bad name', 'a')).toBe('KERNEL_ARGUMENT_INVALID');
    expect(await code('tuned', 'composefs=x')).toBe('KERNEL_ARGUMENT_INVALID');
    await rollback(v2);
    expect(await code('tuned', 'a')).toBe('changed');
  });

  test('are counted by GRUB the same way', async () => {
    await using dir = await hostDir('sources');
    await installed(dir.path);
    await installGrub(dir.path);
    const before = await bootByGrub(dir.path);
    await recordBoot(before);
    await set(before, 'tuned', 'x=1');
    const after = await bootByGrub(dir.path);
    await recordBoot(after);
    expect(await entryNames(dir.path)).toEqual(['slipway-2+2-1.conf', 'slipway-1.conf']);
    expect(await blessBoot(after)).toBe('blessed');
    const again = await bootByGrub(dir.path);
    await recordBoot(again);
    expect(await entryNames(dir.path)).toEqual(['slipway-2.conf']);
    await set(again, 'tuned', 'x=2');
    for (let tries = 0; tries < 3; tries += 1) await bootByGrub(dir.path);
    const back = await bootByGrub(dir.path);
    await recordBoot(back);
    expect(await entryNames(dir.path)).toEqual(['slipway-2.conf']);
    const [first] = (await readBootEntries(back.esp)).entries;
    expect(first === undefined ? '' : bootEntryOptions(first.entry)).toContain('x=1');
  });
});
