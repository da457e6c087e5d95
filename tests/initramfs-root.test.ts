/**
 * The script of the initramfs that makes a deployment the root, whole, with the mounts it makes: a host in a directory stands in for the
 * disk, a root of its own in a mount namespace for the initramfs.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { finishFactoryReset, requestFactoryReset } from '@slipway/host';
import { expect, test } from 'vitest';
import { recordBoot } from '../packages/host/src/booted.ts';
import { bootedDeploymentId } from '../packages/host/src/booted-id.ts';
import { V1 } from '../packages/host/src/testing/scenario.ts';
import { boot, installHost, partsOf, type TestHost } from '../packages/host/src/testing/test-host.ts';
import type { ImageFiles } from '../packages/host/src/testing/test-image.ts';
import { ROOT } from './harness/slipway.ts';

/** As the module of dracut puts them there. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'mount-root': `${ROOT}/os/dracut/90slipway/slipway-root.sh`,
  'mount-state': `${ROOT}/os/libexec/mount-state`,
  'factory-reset': `${ROOT}/os/libexec/factory-reset`,
};

/** What the systemd of the initramfs hands the machine to. */
const INIT: ImageFiles = {
  'usr/lib/systemd': { directory: 0o755 },
  'usr/lib/systemd/systemd': { text: 'init', mode: 0o755 },
};

async function installed(directory: string, files: ImageFiles = INIT): Promise<TestHost> {
  const directories = Object.fromEntries(
    ['var', 'dev', 'proc', 'sys'].map((name) => [name, { directory: 0o755 }]),
  );
  await installHost(directory, { ...V1, files: { ...V1.files, ...directories, ...files } });
  const host = await boot(directory);
  await recordBoot(host);
  return host;
}

/** Runs the script as at a boot, then another one in the root it made; what that printed. */
async function start(host: TestHost, script: string): Promise<string> {
  const at = join(host.directory, 'initramfs');
  await mkdir(join(at, 'programs'), { recursive: true });
  for (const [name, source] of Object.entries(PROGRAMS)) await copyFile(source, join(at, 'programs', name));
  await writeFile(join(at, 'cmdline'), `quiet composefs=?${host.bootedId}\n`);
  await writeFile(join(at, 'script'), `set -eu\n${script}\n`);
  const steps = [
    `mkdir -p ${at}/mounts && mount -t tmpfs initramfs ${at}/mounts && cd ${at}/mounts && mkdir upper work root`,
    'mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work initramfs root && cd root',
    'mkdir -p sysroot usr/libexec/slipway && mount -t tmpfs run run',
    'mount --rbind /proc proc && mount --rbind /dev dev',
    `mount --bind ${at}/cmdline proc/cmdline && mount --bind ${partsOf(host.directory).sysroot} sysroot`,
    `cp ${at}/programs/* usr/libexec/slipway && chmod +x usr/libexec/slipway/* && cp ${at}/script run/script`,
    'chroot . /usr/libexec/slipway/mount-root >run/said 2>&1 || { cat run/said; exit 1; }',
    'cd sysroot && sh ../run/script',
  ];
  const argv = ['unshare', '--mount', '--', 'sh', '-euc', steps.join('\n')] as const;
  return (await run(argv, { describe: 'start a host' })).stdout.toString('utf8').trim();
}

test('the deployment becomes the root: the image read-only, /etc and /var kept, the disk at /sysroot', async () => {
  await using dir = await makeTempDir('initramfs-root');
  const host = await installed(dir.path);
  await writeFile(join(host.etc, 'edited'), 'mine');
  const seen = await start(
    host,
    `cat etc/edited etc/default; echo; for path in usr etc var sysroot; do
       if touch $path/written 2>/dev/null; then echo "$path writable"; else echo "$path read-only"; fi
     done; ls sysroot; cat /proc/self/mountinfo >&2`,
  );
  expect(seen).toBe(
    'minev1\nusr read-only\netc writable\nvar writable\nsysroot writable\ncomposefs\nstate\nwritten',
  );
  expect(await readdir(host.layout.varDirectory)).toEqual(['written']);
});

test('a root without an init is refused while the machine can still reboot', async () => {
  await using dir = await makeTempDir('initramfs-root');
  const host = await installed(dir.path, {});
  await expect(start(host, 'true')).rejects.toThrow(/the image has no \/usr\/lib\/systemd\/systemd to start/);
});

test('a root and an /etc in memory: written to, and gone with the next boot', async () => {
  await using dir = await makeTempDir('initramfs-root');
  const host = await installed(dir.path, {
    ...INIT,
    'usr/lib/composefs': { directory: 0o755 },
    'usr/lib/composefs/setup-root-conf.toml': '[root]\ntransient = true\n[etc]\nmount = "transient"\n',
  });
  await writeFile(join(host.etc, 'edited'), 'mine');
  const look = `cat etc/edited; touch usr/written etc/written var/kept; ls usr etc var | grep -E 'written|kept' | tr '\\n' ' '
    findmnt -nro TARGET,SOURCE | grep -E ' (transient|composefs):'`;
  const first = await start(host, look);
  expect(first).toMatch(/^v1written written kept /);
  expect(first).toContain(`/sysroot transient:composefs=${host.bootedId}`);
  expect(bootedDeploymentId(`1 0 0:1 / / rw - overlay transient:composefs=${host.bootedId} rw\n`)).toBe(
    host.bootedId,
  );
  // The root below the one in memory is held by it alone.
  expect(first).not.toContain(`composefs:${host.bootedId}`);
  expect(await start(host, look)).toBe(first);
});

test('a factory reset that was asked for is made before the root is, and finished after it', async () => {
  await using dir = await makeTempDir('initramfs-root');
  const host = await installed(dir.path);
  await writeFile(join(host.etc, 'edited'), 'mine');
  await writeFile(join(host.etc, 'machine-id'), `${'7'.repeat(32)}\n`);
  await mkdir(join(host.layout.varDirectory, 'lib/shop'), { recursive: true });
  for (const name of ['shop/db', 'other'])
    await writeFile(join(host.layout.varDirectory, 'lib', name), 'mine');
  await requestFactoryReset(host, { keep: ['/var/lib/shop'], dryRun: false, acknowledgesDestruction: true });
  expect(await start(host, 'cat etc/edited etc/deleted etc/machine-id; ls var/lib var/lib/shop')).toBe(
    `v1v1${'7'.repeat(32)}\nvar/lib:\nshop\n\nvar/lib/shop:\ndb`,
  );
  expect(await finishFactoryReset(host)).toBe('reset');
  expect((await readdir(host.layout.state)).filter((name) => name.startsWith('factory'))).toEqual([]);
  // The next boot is one like any other.
  expect(await start(host, 'ls var/lib')).toBe('shop');
  expect(await readFile(host.layout.history, 'utf8')).toContain('"factory-reset"');
});
