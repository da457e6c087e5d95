/** A machine starts from a root of btrfs, and one from a root of XFS, that were made without being mounted; both fill their disk, and are whole. */
import { mkdir, rm } from 'node:fs/promises';
import { FAST_EMULATED_CPU, makeSshKey, type SshKey, startVm } from '@slipway/vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storageImage } from './harness/images.ts';
import { ROOT, slipway } from './harness/slipway.ts';
import { SYSTEM_STATE } from './harness/system-state.ts';

const FILES = `${ROOT}/build/tests/root-volumes`;
const GIB = 1024 ** 3;
/** Generous: an emulated machine on a busy computer. */
const WITHIN_MS = 1_800_000;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

let sshKey: SshKey;
let image: string;

beforeAll(async () => {
  await rm(FILES, { recursive: true, force: true });
  await mkdir(FILES, { recursive: true });
  sshKey = await makeSshKey(FILES);
  image = await storageImage(say);
});
afterAll(async () => {
  await rm(FILES, { recursive: true, force: true });
});

test.each(['btrfs', 'xfs'])(
  'a root of %s starts a machine, grows, and keeps what it is given',
  async (fileSystem) => {
    const more = ['--rootfs', fileSystem, '--no-checksums', '--target-imgref', 'registry.example/os:stable'];
    const directory = `${FILES}/${fileSystem}`;
    await slipway(['image', image, '--type', 'raw', ...more, '-o', directory], { onLine: say });
    await using vm = await startVm({
      boot: { kind: 'uefi' },
      disks: [
        {
          path: `${directory}/disk.raw`,
          format: 'raw',
          changes: { kind: 'overlay', path: `${directory}/overlay.qcow2` },
          sizeBytes: 10 * GIB,
        },
      ],
      sshKey,
      cpuModel: FAST_EMULATED_CPU,
      memoryBytes: GIB,
      onReboot: 'shutdown',
      consoleLogPath: `${directory}/console.log`,
    });
    await vm.waitForSsh({ withinMs: WITHIN_MS });
    expect(await vm.output('findmnt -no FSTYPE --mountpoint /sysroot')).toBe(fileSystem);
    expect(await vm.output('cat /proc/cmdline')).toMatch(/ composefs=\?[0-9a-f]{64}( |$)/);
    expect(Number(await vm.output('findmnt -bno SIZE --mountpoint /sysroot'))).toBeGreaterThan(8 * GIB);
    expect(await vm.output(SYSTEM_STATE)).toBe('running');
    expect(await vm.output('stat -c "%a %U" /var/tmp /etc/shadow')).toBe('1777 root\n640 root');
    expect((await vm.ssh('slipway fsck')).exitCode).toBe(0);
    await vm.powerOff({ withinMs: WITHIN_MS });
  },
);
