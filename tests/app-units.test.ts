/** The units of apps, as the systemd that is installed reads them. */
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import type { AppRun } from '../packages/host/src/apps/app-config.ts';
import { appUnits, extensionUnits } from '../packages/host/src/apps/units.ts';

const RUN: AppRun = {
  argv: ['/bin/true', 'a "quoted" $HOME 100%', '', ';', 'two\nlines'],
  environment: ['PATH=/opt/bin:/usr/bin', 'COLOUR=sea "green" 50% $x'],
  workingDirectory: '/srv/with-dash',
  stopSignal: 'SIGINT',
  ports: [{ port: 80, protocol: 'tcp' }],
  volumes: ['/var/lib/shop', '/data'],
  health: { argv: ['/bin/true'], intervalMs: 1000, timeoutMs: 2000, startPeriodMs: 0, retries: 3 },
};
const SHOP = { name: 'shop', imageId: 'ab'.repeat(32), version: '1.2\n[Service]\nUser=root' };

function analyze(words: readonly string[]): { readonly stdout: string; readonly stderr: string } {
  return spawnSync('systemd-analyze', words, { encoding: 'utf8' });
}

test('systemd understands every line of them, and finds an app well confined', async () => {
  await using dir = await makeTempDir('app-units');
  for (const kind of ['sysext', 'confext']) await mkdir(join(dir.path, kind));
  const sets = {
    '': appUnits(SHOP, RUN),
    sysext: extensionUnits(SHOP, 'sysext'),
    confext: extensionUnits(SHOP, 'confext'),
  };
  const files: string[] = [];
  for (const [folder, units] of Object.entries(sets)) {
    for (const [name, text] of Object.entries(units)) {
      const path = join(dir.path, folder, name);
      await writeFile(path, text);
      files.push(path);
    }
  }
  expect(files).toHaveLength(7);
  for (const file of files) {
    const { stderr } = analyze(['verify', '--man=no', file]);
    const complaints = stderr
      .split('\n')
      .filter((line) => /unknown|invalid|fail.* to parse|ignoring|not absolute/i.test(line));
    expect(complaints.filter((line) => line.includes('slipway-app-'))).toEqual([]);
  }
  const { stdout } = analyze([
    'security',
    '--offline=true',
    '--no-pager',
    join(dir.path, 'slipway-app-shop.service'),
  ]);
  expect(Number(/exposure level for .*: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThan(3);
});

test('a line that is wrong would be found', async () => {
  await using dir = await makeTempDir('app-units');
  const path = join(dir.path, 'slipway-app-shop.service');
  await writeFile(path, '[Service]\nExecStart=/bin/true\nKillSignal=NONSENSE\nNoSuchKey=1\n');
  expect(analyze(['verify', '--man=no', path]).stderr).toMatch(/NoSuchKey|Unknown/);
});
