/** Scripts of os/ that do something else in a live system, in a mount namespace that has what they find there. */
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from './harness/slipway.ts';

const NAMESPACE = `set -e
mount -t tmpfs tmpfs /run
for name in cmdline consoles; do mount --bind "$1/$name" "/proc/$name"; done
[ "$2" = host ] || mkdir -p /run/slipway/live
[ -z "$3" ] || echo "$3" > /run/slipway-root-failed
shift 3
exec "$@"
`;

let temp: TempDir;

beforeAll(async () => {
  temp = await makeTempDir('live-system');
  // The machine these tests run on must go on running, and nobody waits half a minute.
  await mkdir(join(temp.path, 'bin'));
  for (const name of ['systemctl', 'sleep']) {
    await writeFile(join(temp.path, 'bin', name), `#!/bin/sh\necho "${name} $*" >> ${temp.path}/asked\n`);
    await chmod(join(temp.path, 'bin', name), 0o755);
  }
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

/** Runs a script. @param reason why the root did not come up, where it did not */
async function runScript(
  argv: readonly [string, ...string[]],
  { commandLine, where, reason = '' }: { commandLine: string; where: 'live' | 'host'; reason?: string },
): Promise<void> {
  await writeFile(join(temp.path, 'cmdline'), `${commandLine}\n`);
  // Below /dev, where a console is a file.
  await writeFile(join(temp.path, 'consoles'), `..${temp.path}/console -W- (EC p a)\n`);
  await writeFile(join(temp.path, 'console'), '');
  const command = ['sh', '-c', NAMESPACE, 'sh', temp.path, where, reason, ...argv] as const;
  await run(['unshare', '--mount', '--propagation', 'private', ...command], {
    describe: 'run a script of a live system',
    env: { PATH: `${temp.path}/bin:${process.env['PATH']}` },
  });
}

test.each([
  ['live', []],
  ['host', ['boot.mount', 'local-fs.target.wants']],
] as const)('a boot partition GRUB names is waited for on a host alone: %s', async (where, units) => {
  const directory = join(temp.path, where);
  await mkdir(directory);
  const generator = `${ROOT}/os/systemd/system-generators/slipway-boot-generator`;
  const commandLine = 'quiet slipway.boot=17a4b9c3-01fe-4454-8319-44d03d5806c2';
  await runScript(['sh', generator, directory, directory, directory], { commandLine, where });
  const written = await readdir(directory);
  expect(written.filter((name) => !name.endsWith('.device.d')).toSorted()).toEqual(units);
});

test.each([
  ['slipway.live=ram slipway.install', /^SLIPWAY-INSTALL: failure: cannot start: no root$/m],
  ['slipway.live=ram', /^slipway: cannot start: no root$/m],
])(
  'a medium that cannot start says so where a result is waited for, and starts again: %s',
  async (commandLine, said) => {
    await writeFile(join(temp.path, 'asked'), '');
    const emergency = `${ROOT}/os/dracut/90slipway/slipway-emergency.sh`;
    await runScript(['sh', emergency], { commandLine, where: 'live', reason: 'cannot start: no root' });
    const console = await readFile(join(temp.path, 'console'), 'utf8');
    expect(console).toMatch(said);
    expect(console.includes('SLIPWAY-INSTALL')).toBe(commandLine.includes('slipway.install'));
    expect(await readFile(join(temp.path, 'asked'), 'utf8')).toBe('sleep 30\nsystemctl --force reboot\n');
  },
);
