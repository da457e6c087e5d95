/** The AppArmor profile of apps, as the parsers of both Debian releases read it. */
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { expect, test } from 'vitest';
import { ROOT } from './harness/slipway.ts';
import { commandIn, unpackPackages } from './harness/unpacked-packages.ts';

const PROFILE = `${ROOT}/os/etc/apparmor.d/slipway-app`;

/** What the parser says of a profile; nothing is loaded, and the kernel here is not asked. */
async function parse(
  suite: string,
  options: readonly string[],
  profile: string,
): Promise<{ readonly status: number | null; readonly said: string }> {
  const root = await unpackPackages({
    name: `apparmor-${suite}`,
    suite,
    packages: ['apparmor'],
    finish: mergeUsr,
  });
  const policies = `${root}/etc/apparmor.d`;
  const kernel = ['--config-file', '/dev/null', '--kernel-features', `${policies}/abi/3.0`];
  const words = ['--base', policies, ...kernel, ...options, profile];
  const [program, ...args] = commandIn(root, 'usr/sbin/apparmor_parser', words);
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
}

/** Packages of Debian 12 still have files beside /usr. */
async function mergeUsr(root: string): Promise<void> {
  const script =
    'cd "$0"; for name in lib lib64 sbin; do [ -h $name ] || cp -a $name/. usr/$name/; done 2> /dev/null; :';
  await run(['sh', '-c', script, root], { describe: 'merge /usr' });
}

const CHECK = ['--skip-kernel-load', '--skip-cache', '--warn=all', '--Werror'] as const;

test.each(['trixie', 'bookworm'])('the parser of %s takes it, without a warning', async (suite) => {
  expect(await parse(suite, CHECK, PROFILE)).toEqual({ status: 0, said: '' });
  expect(await parse(suite, ['--names'], PROFILE)).toEqual({ status: 0, said: 'slipway-app\n' });
});

test('a line that is wrong would be found, and rules that contradict each other', async () => {
  await using dir = await makeTempDir('app-armor');
  const path = join(dir.path, 'slipway-app');
  const text = await readFile(PROFILE, 'utf8');
  for (const wrong of [
    '  deny /proc/{kcore rw,',
    '  capability fly,',
    '  /usr/bin/* px,\n  /usr/bin/* ix,',
  ]) {
    await writeFile(path, text.replace('  network,\n', `  network,\n${wrong}\n`));
    expect((await parse('trixie', CHECK, path)).status).not.toBe(0);
  }
});

test('units ask for the profile under its name, and have it loaded from its place', async () => {
  const text = await readFile(PROFILE, 'utf8');
  expect(text).toMatch(/^profile slipway-app /m);
  expect(await readFile(`${ROOT}/packages/host/src/apps/units.ts`, 'utf8')).toContain("'-slipway-app'");
  const unit = await readFile(`${ROOT}/os/systemd/system/slipway-apparmor.service`, 'utf8');
  expect(unit).toContain(' /etc/apparmor.d/slipway-app\n');
});
