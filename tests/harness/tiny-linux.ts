/**
 * A Linux that boots in seconds even without KVM: Debian's cloud kernel and an initramfs of busybox and dropbear, for tests of
 * machines rather than of systems. Made once from the packages the machine's own apt offers, kept under build/cache.
 */
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { exclusively } from './exclusively.ts';
import { CACHE } from './slipway.ts';

/** Files to boot with `-kernel` and `-initrd`. */
export interface TinyLinux {
  readonly kernelPath: string;
  readonly initrdPath: string;
  /** What the kernel must be told. */
  readonly commandLine: string;
}

/** Part of the cache's name: counts what the tests need of it. */
const VERSION = 4;

const MODULES = new RegExp(
  [
    'drivers/virtio',
    'drivers/block/virtio_blk',
    'drivers/net/(virtio_net|net_failover)',
    'net/core/failover',
    'fs/(ext4|jbd2|mbcache|fat|nls)',
    'crypto/(crc32c|sha512)',
    'lib/(crc16|libcrc32c)',
  ]
    .map((path) => `/${path}`)
    .join('|'),
);

/** The guest's first program: devices, network, the ssh key out of SMBIOS, then busybox's init. */
const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /bin /proc /sys /dev /run /tmp /root/.ssh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/pts; mount -t devpts devpts /dev/pts
exec </dev/console >/dev/console 2>&1
depmod
for module in virtio_pci virtio_net virtio_blk; do modprobe $module; done
for raw in /sys/firmware/dmi/entries/11-*/raw; do
  tr '\\0' '\\n' < $raw | sed -n 's/.*io\\.systemd\\.credential\\.binary://p'
done | while read -r line; do
  mkdir -p /run/credentials; echo "\${line#*=}" | base64 -d > "/run/credentials/\${line%%=*}"
done
cp /run/credentials/ssh.authorized_keys.root /root/.ssh/authorized_keys
chmod 700 /root /root/.ssh; chmod 600 /root/.ssh/authorized_keys
ip link set lo up; ip link set eth0 up; ip address add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2
echo 'tiny linux is ready'
exec init
`;

const INITTAB = `::respawn:/usr/sbin/dropbear -F -E -R -s
ttyS0::respawn:/bin/sh
::ctrlaltdel:/bin/reboot
`;

/** The tiny Linux, made on first use. */
export async function tinyLinux(): Promise<TinyLinux> {
  const directory = `${CACHE}/tiny-linux-${VERSION}`;
  await exclusively('tiny-linux', async () => {
    if (!existsSync(directory)) await make(directory);
  });
  return {
    kernelPath: join(directory, 'kernel'),
    initrdPath: join(directory, 'initrd'),
    commandLine: 'console=ttyS0 rdinit=/init panic=-1',
  };
}

async function make(directory: string): Promise<void> {
  await using scratch = await makeTempDir('tiny-linux', CACHE);
  const packages = await downloadPackages(scratch.path);
  const tree = join(scratch.path, 'tree');
  const kernel = join(scratch.path, 'kernel-tree');
  for (const file of packages) {
    const target = file.includes('/linux-image-') ? kernel : tree;
    await run(['dpkg-deb', '-x', file, target], { describe: 'unpack a package' });
  }
  await finishTree(tree, kernel);

  const made = join(scratch.path, 'made');
  await mkdir(made);
  const image =
    (await readdir(join(kernel, 'boot'))).find((name) => name.startsWith('vmlinuz-')) ?? 'vmlinuz';
  await cp(join(kernel, 'boot', image), join(made, 'kernel'));
  const busybox = join(tree, 'bin/busybox');
  const pack = `"$1" find . | "$1" cpio -o -H newc -R 0:0 > "$2"`;
  await run(['sh', '-euc', pack, 'sh', busybox, join(made, 'initrd')], {
    describe: 'pack an initramfs',
    cwd: tree,
  });
  await rename(made, directory);
}

/** With lists and a package database of its own, apt needs no root and knows of nothing installed. */
async function downloadPackages(scratch: string): Promise<readonly string[]> {
  const archives = join(scratch, 'cache/archives');
  for (const folder of ['lists/partial', 'cache/archives/partial']) {
    await mkdir(join(scratch, folder), { recursive: true });
  }
  await writeFile(join(scratch, 'status'), '');
  const state = [`Dir::State::lists=${scratch}/lists`, `Dir::State::status=${scratch}/status`];
  const cache = [`Dir::Cache=${scratch}/cache`, 'APT::Sandbox::User=', 'Debug::NoLocking=1'];
  const options = [...state, ...cache].flatMap((option) => ['-o', option]);
  const describe = 'download packages';
  await run(['apt-get', ...options, 'update'], { describe });
  const { stdout } = await run(['apt-cache', ...options, 'depends', 'linux-image-cloud-amd64'], { describe });
  const kernel = /Depends: (?<name>linux-image-\S+)/.exec(stdout.toString('utf8'))?.groups?.['name'] ?? '';
  await run(['apt-get', ...options, 'download', kernel], { describe, cwd: archives });
  const install = ['install', '-y', '--no-install-recommends', '--download-only'];
  await run(['apt-get', ...options, ...install, 'busybox-static', 'dropbear-bin', 'openssh-sftp-server'], {
    describe,
  });
  return (await readdir(archives))
    .filter((name) => /^(lib|zlib1g|busybox|dropbear|openssh-sftp|linux-image-).*\.deb$/.test(name))
    .map((name) => join(archives, name));
}

async function finishTree(tree: string, kernel: string): Promise<void> {
  await rm(join(tree, 'usr/share'), { recursive: true });
  // Older releases unpack into /bin and /lib, newer ones into /usr, where these are links to.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    if (!existsSync(join(tree, name))) await symlink(`usr/${name}`, join(tree, name));
  }
  const lib = existsSync(join(kernel, 'lib')) ? 'lib' : 'usr/lib';
  const wanted = (path: string): boolean => !path.includes('.ko') || MODULES.test(path);
  await cp(join(kernel, lib, 'modules'), join(tree, 'lib/modules'), { recursive: true, filter: wanted });
  await mkdir(join(tree, 'etc/dropbear'), { recursive: true });
  await writeFile(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(tree, 'etc/inittab'), INITTAB);
  await writeFile(join(tree, 'init'), INIT);
  await chmod(join(tree, 'init'), 0o755);
}
