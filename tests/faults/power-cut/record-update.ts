/**
 * An update of a host while every write to its disk is recorded. The disk is one `slipway image` makes, the packages are those a host
 * runs, the file systems are those of a Linux kernel; only the system around them is a small one, which starts in seconds.
 */
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@slipway/core';
import { FAST_EMULATED_CPU, startVm, type Vm } from '@slipway/vm';
import { guestCommand, writeGuestProgram } from '../../harness/guest-program.ts';
import { faultRelease, type Say } from '../../harness/images.ts';
import { ROOT, slipway } from '../../harness/slipway.ts';
import { tinyLinux } from '../../harness/tiny-linux.ts';
import { loggedRequests } from './write-log.ts';

/** What was recorded. */
export interface RecordedUpdate {
  /** The disk as it was before the host booted. */
  readonly diskPath: string;
  readonly logPath: string;
  /** Entries of the log before the update was asked for; all of them had reached the disk. */
  readonly entriesBefore: number;
  /** Deployments. */
  readonly oldId: string;
  readonly newId: string;
}

const withinMs = 1_800_000;
const GIB = 1024 ** 3;
const FOLLOWED = 'registry.example/faults:stable';

const MOUNT = `
  modprobe -a crc32c_generic sha512_generic ext4 vfat nls_cp437 nls_iso8859-1 nls_ascii nls_utf8
  mkdir -p /tools /machine/sysroot /machine/esp
  mount -o ro /dev/vdb /tools
  mount "$(ls /dev/vda[1-9] | tail -n 1)" /machine/sysroot
  mount -o umask=0077 /dev/vda1 /machine/esp`;

/** Installs release 1 on a disk, edits it, updates it to release 2. */
export async function recordUpdate(directory: string, say: Say): Promise<RecordedUpdate> {
  const [one, two] = [await faultRelease(1, say), await faultRelease(2, say)];
  await mkdir(directory, { recursive: true });
  const disk = [
    '--type',
    'raw',
    '--size',
    '3G',
    '--no-checksums',
    '--target-imgref',
    FOLLOWED,
    '-o',
    directory,
  ];
  await slipway(['image', one, ...disk], { onLine: say });
  const diskPath = join(directory, 'disk.raw');
  const logPath = join(directory, 'writes.log');
  const toolsPath = await makeTools(directory, two);
  await using vm = await startVm({
    boot: { kind: 'kernel', ...(await tinyLinux()) },
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes: GIB,
    disks: [
      { path: diskPath, format: 'raw', writeLogPath: logPath },
      { path: toolsPath, format: 'raw' },
    ],
  });
  await vm.waitForSsh({ withinMs });
  await vm.output(MOUNT);
  await vm.output(`${guestCommand('/tools', 'prepare', '/machine')} && sync`);
  const entriesBefore = await loggedRequests(logPath);
  const { oldId, newId } = JSON.parse(
    await vm.output(guestCommand('/tools', 'update', '/machine', '/tools/layout')),
  ) as { readonly oldId: string; readonly newId: string };
  await unmount(vm);
  return { diskPath, logPath, entriesBefore, oldId, newId };
}

/** As at the end of a shutdown: everything is on the disk, and the record is whole. */
async function unmount(vm: Vm): Promise<void> {
  await vm.output('umount /machine/esp /machine/sysroot && sync');
  await vm.runLast('poweroff -f');
  await vm.waitForPowerOff({ withinMs });
}

/** A second disk, which is not recorded: the program, and the image to update to. */
async function makeTools(directory: string, image: string): Promise<string> {
  const tree = join(directory, 'tools');
  await rm(tree, { recursive: true, force: true });
  await writeGuestProgram(join(ROOT, 'tests/faults/power-cut/update-guest.ts'), tree);
  await slipway(['copy', image, `oci:${tree}/layout:stable`]);
  const path = join(directory, 'tools.raw');
  await writeFile(path, '');
  await truncate(path, GIB);
  await run(['mkfs.ext4', '-q', '-F', '-d', tree, path], { describe: 'make a file system' });
  await rm(tree, { recursive: true });
  return path;
}
