/**
 * A medium installs a machine whose root is btrfs on a mirror of two disks. The machine starts from it, its files sealed, and starts again
 * when one of the disks is gone.
 */
import { rm } from 'node:fs/promises';
import { FAST_EMULATED_CPU, makeSshKey, type SshKey, startVm, type Vm } from '@slipway/vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storageImage } from '../harness/images.ts';
import { emptyDisk, installMachine, makeMedium } from '../harness/installer.ts';
import { ROOT } from '../harness/slipway.ts';
import { SYSTEM_STATE } from '../harness/system-state.ts';

const FILES = `${ROOT}/build/tests/raid-root`;
const GIB = 1024 ** 3;
const DISKS = ['left.raw', 'right.raw'] as const;
/** Generous: an emulated machine on a busy computer. */
const WITHIN_MS = 1_800_000;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

// The medium is the first disk of the machine.
const CONFIG = `
[customizations]
hostname = "mirrored"

[customizations.installer]
unattended = true

[[customizations.disk.partitions]]
type = "raid"
name = "left"
device = "/dev/disk/by-id/virtio-slipway-disk1"

[[customizations.disk.partitions]]
type = "raid"
name = "right"
device = "/dev/disk/by-id/virtio-slipway-disk2"

[[customizations.disk.raid]]
name = "root"
level = "1"
members = ["left", "right"]
mountpoint = "/"
fs_type = "btrfs"
`;

let sshKey: SshKey;

beforeAll(async () => {
  const target = 'registry.example/os:stable';
  await makeMedium({ directory: FILES, image: await storageImage(say), config: CONFIG, target }, say);
  sshKey = await makeSshKey(FILES);
  for (const name of DISKS) await emptyDisk(`${FILES}/${name}`, 6 * GIB);
});
afterAll(async () => {
  await rm(FILES, { recursive: true, force: true });
});

async function start(disks: readonly string[]): Promise<Vm> {
  const vm = await startVm({
    boot: { kind: 'uefi' },
    disks: disks.map((name) => ({ path: `${FILES}/${name}`, format: 'raw', changes: { kind: 'write' } })),
    sshKey,
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes: GIB,
    onReboot: 'shutdown',
    consoleLogPath: `${FILES}/console.log`,
  });
  await vm.waitForSsh({ withinMs: WITHIN_MS });
  return vm;
}

test('a root on a mirror of two disks is installed, starts, and starts without one of them', async () => {
  await installMachine({
    directory: FILES,
    from: 'stick',
    disks: DISKS,
    memoryBytes: 1.5 * GIB,
    withinMs: WITHIN_MS,
  });
  {
    await using vm = await start(DISKS);
    expect(await vm.output('hostname')).toBe('mirrored');
    expect(await vm.output('findmnt -no FSTYPE --mountpoint /sysroot')).toBe('btrfs');
    expect(await vm.output('findmnt -no OPTIONS /')).toContain('verity=require');
    expect(await vm.output('lsblk -nro TYPE -s $(findmnt -nvo SOURCE --mountpoint /sysroot)')).toBe(
      'raid1\npart\ndisk\npart\ndisk',
    );
    expect(await vm.output(SYSTEM_STATE)).toBe('running');
    await vm.powerOff({ withinMs: WITHIN_MS });
  }
  await using vm = await start(['left.raw']);
  expect(await vm.output('cat /proc/mdstat')).toMatch(/raid1 [^\n]*\n[^\n]*\[2\/1\]/);
  expect(await vm.output('findmnt -no OPTIONS /')).toContain('verity=require');
});
