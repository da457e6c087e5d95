import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordBoot } from './booted.ts';
import { finalizeStaged } from './finalize.ts';
import { setOptionsForSource } from './option-source.ts';
import { rollback } from './rollback.ts';
import { hostStatus } from './status.ts';
import { cuts } from './testing/power-cuts.ts';
import {
  ETC_V1_EDITED,
  ETC_V2_MERGED,
  editEtc,
  etcOf,
  events,
  installed,
  optionsOfNext,
  V2,
  V3,
} from './testing/scenario.ts';
import { bless, boot, deploymentIds, entryNames, hostDir, reboot, stage } from './testing/test-host.ts';

/*
 * Each copy of a disk that was cut is booted like a machine that lost power there.
 */
describe('power that fails', () => {
  test('while staging or finishing an update leaves the old system or the new one, and the update is finished', async () => {
    await using dir = await hostDir('cuts');
    const machine = join(dir.path, 'machine');
    const v1 = await installed(machine);
    await editEtc(v1);
    const taken = await cuts(dir.path, v1, async (cutting) => {
      await stage(cutting, V2);
      await finalizeStaged(cutting);
    });
    const v2 = await boot(machine);
    expect(taken.map(({ point }) => point)).toEqual([
      'pulled',
      'deployment-written',
      'kernel-written',
      'staged-written',
      'etc-merged',
      'etc-published',
      'expected-written',
      'entry-written',
      'staged-removed',
    ]);
    for (const { point, directory } of taken) {
      const isNew = ['entry-written', 'staged-removed'].includes(point);
      const host = await boot(directory);
      expect([point, host.bootedId]).toEqual([point, isNew ? v2.bootedId : v1.bootedId]);
      expect(await etcOf(host)).toEqual(isNew ? ETC_V2_MERGED : ETC_V1_EDITED);
      const report = await recordBoot(host);
      const wasStaged = ['staged-written', 'etc-merged', 'etc-published', 'expected-written'].includes(point);
      expect([point, report.interrupted]).toEqual([point, wasStaged ? v2.bootedId : undefined]);
      expect([point, report.outcome]).toEqual([point, isNew ? 'as-expected' : 'as-before']);
      expect((await events(host)).includes('finalize-interrupted')).toBe(wasStaged);
      if (!isNew && !wasStaged) expect(await stage(host, V2)).toMatchObject({ kind: 'staged' });
      const next = await reboot(host);
      expect(next.bootedId).toBe(v2.bootedId);
      await recordBoot(next);
      expect(await etcOf(next)).toEqual(ETC_V2_MERGED);
      expect(await deploymentIds(directory)).toEqual([v1.bootedId, v2.bootedId].toSorted());
      expect((await hostStatus(next)).slipway).toMatchObject({ staged: null, problems: [] });
    }
  });

  test('while kernel arguments are set leaves those before or the new ones, and setting them again does the rest', async () => {
    await using dir = await hostDir('cuts');
    const machine = join(dir.path, 'machine');
    const v1 = await installed(machine);
    await stage(v1, V2);
    const taken = await cuts(dir.path, v1, async (cutting) => {
      await setOptionsForSource(cutting, { source: 'tuned', options: 'x=1' });
    });
    expect(taken.map(({ point }) => point)).toEqual(['staged-written', 'entry-written']);
    for (const { point, directory } of taken) {
      const isNew = point === 'entry-written';
      const host = await boot(directory);
      expect([point, host.bootedId]).toEqual([point, v1.bootedId]);
      await recordBoot(host);
      const again = await setOptionsForSource(host, { source: 'tuned', options: 'x=1' });
      expect([point, again.kind]).toEqual([point, isNew ? 'unchanged' : 'changed']);
      const next = await reboot(host);
      expect(next.bootedId).not.toBe(v1.bootedId);
      expect(await optionsOfNext(directory)).toMatch(/ x=1$/);
    }
  });

  test('while an image that is kept for going back is staged again', async () => {
    await using dir = await hostDir('cuts');
    const machine = join(dir.path, 'machine');
    const v1 = await installed(machine);
    await editEtc(v1);
    await stage(v1, V2);
    const v2 = await reboot(v1);
    await recordBoot(v2);
    await bless(v2);
    await rollback(v2);
    const back = await reboot(v2);
    await recordBoot(back);
    await bless(back);
    await writeFile(join(back.etc, 'later'), 'mine');
    const taken = await cuts(dir.path, back, async (cutting) => {
      await stage(cutting, V2);
      await finalizeStaged(cutting);
    });
    for (const { point, directory } of taken) {
      const host = await boot(directory);
      const isNew = ['entry-written', 'staged-removed'].includes(point);
      expect([point, host.bootedId]).toEqual([point, isNew ? v2.bootedId : v1.bootedId]);
      expect(await recordBoot(host)).toMatchObject({ outcome: isNew ? 'as-expected' : 'as-before' });
      if (!isNew) await stage(host, V2);
      const next = await reboot(host);
      await recordBoot(next);
      expect(await etcOf(next)).toEqual({ ...ETC_V2_MERGED, later: 'mine' });
    }
  });

  test('while going back, or after it, leaves one of the two orders', async () => {
    await using dir = await hostDir('cuts');
    const machine = join(dir.path, 'machine');
    const v1 = await installed(machine);
    await stage(v1, V2);
    const v2 = await reboot(v1);
    await recordBoot(v2);
    await stage(v2, V3);
    const taken = await cuts(dir.path, v2, async (cutting) => {
      await rollback(cutting);
      await rollback(cutting);
    });
    expect(taken.map(({ point }) => point)).toEqual([
      'staged-removed',
      'entry-written',
      'expected-written',
      'expected-removed',
      'entry-removed',
    ]);
    for (const { point, directory } of taken) {
      const queued = ['entry-written', 'expected-written', 'expected-removed'].includes(point);
      const host = await boot(directory);
      expect([point, host.bootedId]).toEqual([point, queued ? v1.bootedId : v2.bootedId]);
      const { outcome } = await recordBoot(host);
      expect(['as-before', 'as-expected']).toContain(outcome);
      expect(await deploymentIds(directory)).toEqual([v1.bootedId, v2.bootedId].toSorted());
      expect(await entryNames(directory)).toHaveLength(2);
    }
  });

  test('while garbage is collected leaves nothing that does not boot', async () => {
    await using dir = await hostDir('cuts');
    const machine = join(dir.path, 'machine');
    const v1 = await installed(machine);
    await stage(v1, V2);
    const v2 = await reboot(v1);
    await recordBoot(v2);
    await stage(v2, V3);
    const v3 = await reboot(v2);
    const taken = await cuts(dir.path, v3, (cutting) => recordBoot(cutting));
    for (const { directory } of taken) {
      const host = await boot(directory);
      await recordBoot(host);
      expect(await deploymentIds(directory)).toEqual([v2.bootedId, v3.bootedId].toSorted());
      await rollback(host);
      expect((await boot(directory)).bootedId).toBe(v2.bootedId);
    }
  });
});
