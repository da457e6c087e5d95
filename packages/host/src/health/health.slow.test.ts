import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { silentLog } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { recordBoot } from '../booted.ts';
import { readHistory } from '../history.ts';
import { hostStatus, publishStatus } from '../status.ts';
import { events, installed, V2, V3 } from '../testing/scenario.ts';
import { bless, boot, entryNames, hostDir, reboot, stage } from '../testing/test-host.ts';
import { checkHealth } from './check.ts';
import { decideAfterFailedBoot, failureReason, readFailedBoot, recordFailedBoot } from './failed-boot.ts';
import { parseHealthReport } from './report.ts';
import { listHealthScripts } from './scripts.ts';
import { lastFallback } from './story.ts';
import { parseFailedUnits, parseRunningJobs } from './units.ts';

const FAILING = '#!/bin/sh\necho looking\necho the shop does not answer\nexit 3\n';

async function script(root: string, place: string, text: string): Promise<void> {
  const path = join(root, place);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, 0o755);
}

describe('scripts', () => {
  test("run in the order of their names, the machine's in place of the image's", async () => {
    await using dir = await hostDir('health');
    const [image, machine] = [join(dir.path, 'usr'), join(dir.path, 'etc')];
    await script(image, 'green.d/20-b.sh', 'exit 1');
    await script(image, 'green.d/10-a.sh', 'exit 1');
    await script(image, 'green.d/30-off.sh', 'exit 1');
    await script(image, 'green.d/40-old.sh.dpkg-old', 'exit 1');
    await script(machine, 'green.d/20-b.sh', 'exit 0');
    await writeFile(join(machine, 'green.d/README'), 'no script');
    await writeFile(join(machine, 'green.d/50-plain.sh'), 'exit 0');
    await symlink('/dev/null', join(machine, 'green.d/30-off.sh'));
    await symlink('nowhere', join(machine, 'green.d/60-gone.sh'));
    const found = await listHealthScripts('green.d', [image, machine]);
    expect(found.map(({ path }) => path.slice(dir.path.length))).toEqual([
      '/usr/green.d/10-a.sh',
      '/etc/green.d/20-b.sh',
      '/etc/green.d/50-plain.sh',
      '/etc/green.d/60-gone.sh',
    ]);
    expect(found.map(({ executable }) => executable)).toEqual([true, true, false, false]);
    expect(await listHealthScripts('red.d', [image, machine])).toEqual([]);
  });

  test('each get their time and no more, with what they started', async () => {
    await using dir = await hostDir('health');
    const host = await installed(dir.path);
    const root = join(dir.path, 'greenboot');
    await script(root, 'check/required.d/10-slow.sh', '#!/bin/sh\nsleep 1000 & sleep 1000\n');
    await script(root, 'check/wanted.d/10-not-run.sh', 'exit 0');
    const report = await checkHealth(host, { directories: [root], timeLimitSeconds: 1 });
    expect(report).toMatchObject({
      outcome: 'bad',
      checks: [{ name: '10-slow.sh', kind: 'required', result: 'timed-out', exitCode: null }],
    });
    expect(parseHealthReport(JSON.parse(JSON.stringify(report)))).toEqual(report);
    expect(failureReason(report, [])).toMatch(/^the required check 10-slow.sh did not end in \d s$/);
    expect((await hostStatus(host)).slipway).toMatchObject({ health: 'bad', checks: { outcome: 'bad' } });
  });

  test('that only warn leave the boot good', async () => {
    await using dir = await hostDir('health');
    const host = await installed(dir.path);
    const root = join(dir.path, 'greenboot');
    await script(root, 'check/required.d/10-well.sh', '#!/bin/sh\necho fine\n');
    await script(root, 'check/wanted.d/10-warns.sh', FAILING);
    const report = await checkHealth(host, { directories: [root], timeLimitSeconds: 60 });
    expect(report.outcome).toBe('good');
    expect(report.checks.map(({ name, result }) => [name, result])).toEqual([
      ['10-well.sh', 'passed'],
      ['10-warns.sh', 'failed'],
    ]);
    expect(report.checks[1]).toMatchObject({ exitCode: 3, output: 'looking\nthe shop does not answer' });
  });
});

describe('a boot that failed', () => {
  test('ends on the deployment before at the next boot, which says why', async () => {
    await using dir = await hostDir('health');
    const v1 = await installed(dir.path);
    await stage(v1, V2);
    const v2 = await reboot(v1);
    await recordBoot(v2);
    const root = join(dir.path, 'greenboot');
    await script(root, 'check/required.d/10-shop.sh', FAILING);
    await script(root, 'red.d/10-note.sh', `#!/bin/sh\ntouch ${dir.path}/red\n`);
    const options = { directories: [root], timeLimitSeconds: 60, failedUnits: ['slipway-health.service'] };
    await checkHealth(v2, options);
    expect(await recordFailedBoot(v2, options)).toMatchObject({ action: 'fall-back' });
    expect(await readFile(join(dir.path, 'red'), 'utf8')).toBe('');
    expect(await entryNames(dir.path)).toEqual(['slipway-1.conf', 'slipway-2+0-1.conf']);

    const back = await boot(dir.path);
    expect(back.bootedId).toBe(v1.bootedId);
    const why = 'the required check 10-shop.sh failed with 3: the shop does not answer';
    expect(await recordBoot(back)).toMatchObject({ outcome: 'rolled-back-by-boot-loader', reason: why });
    const told = ['booted', 'health-failed', 'rolled-back-by-boot-loader', 'denied', 'booted'];
    expect((await events(back)).slice(-5)).toEqual(told);
    const { slipway } = await hostStatus(back);
    expect(slipway.fallback).toMatchObject({ deployment: v2.bootedId, version: '2', reason: why });
    expect(await readFile(join(dir.path, 'motd.d/slipway'), 'utf8')).toContain(why);
    expect(await readFailedBoot(back)).toMatchObject({ deployment: v2.bootedId, health: { outcome: 'bad' } });

    // Something newer is put in place: the story is over.
    await stage(back, V3);
    const v3 = await reboot(back);
    await recordBoot(v3);
    await bless(v3);
    await publishStatus(v3, silentLog);
    expect((await hostStatus(v3)).slipway.fallback).toBeNull();
    await expect(readFile(join(dir.path, 'motd.d/slipway'))).rejects.toThrow('ENOENT');
    expect(await readFailedBoot(v3)).toBeUndefined();
  });

  test('of a deployment that was good before, or is the only one, changes nothing', async () => {
    await using dir = await hostDir('health');
    const v1 = await installed(dir.path);
    const options = { directories: [], timeLimitSeconds: 60, failedUnits: ['shop.service'] };
    const { action, failed } = await recordFailedBoot(v1, options);
    expect([action, failed.reason]).toEqual(['stay', 'shop.service did not start']);
    expect(await entryNames(dir.path)).toEqual(['slipway-1.conf']);
    expect((await readHistory(v1.layout.history)).at(-1)).toMatchObject({
      event: 'health-failed',
      version: '1',
    });
    expect(decideAfterFailedBoot({ booted: { ...v1State, entry: undefined }, entries: [] }).action).toBe(
      'stay',
    );
  });
});

const v1State = { id: 'a'.repeat(64), origin: undefined, entry: undefined, pinned: false };

describe('the story', () => {
  const record = (event: string, more = {}): { time: string; event: string } => ({
    time: 't',
    event,
    ...more,
  });

  test('names the image even where the boot that failed could say nothing', () => {
    const deployment = 'b'.repeat(64);
    const history = [
      record('staged', { deployment, image: 'shop:v2', version: '2' }),
      record('finalized', { deployment }),
      record('rolled-back-by-boot-loader', { deployment, reason: 'no attempt came up' }),
      record('booted'),
    ];
    expect(lastFallback(history)).toEqual({
      deployment,
      image: 'shop:v2',
      version: '2',
      at: 't',
      reason: 'no attempt came up',
    });
    expect(lastFallback([...history, record('finalized')])).toBeUndefined();
    expect(lastFallback([])).toBeUndefined();
  });
});

describe('systemd', () => {
  test('names the units that failed', () => {
    const text = 'Id=a.service\nActiveState=active\n\nActiveState=failed\nId=b.service\n';
    expect(parseFailedUnits(text)).toEqual(['b.service']);
    expect(failureReason(undefined, ['b.service'])).toBe('b.service did not start');
  });

  test('names the units a boot still waits for', () => {
    const jobs = [
      ' 12 multi-user.target start waiting',
      '13 hangs.service start running',
      '14 slipway-boot-failed.service start running',
    ];
    expect(parseRunningJobs(jobs.join('\n'))).toEqual(['hangs.service']);
    expect(failureReason(undefined, [])).toBe('it did not finish starting in time');
  });
});
