/**
 * A medium installs a machine whose root is btrfs on a mirror of two disks, with a boot partition on each. The machine starts from it, its
 * files sealed, is updated, and then starts from either disk when the other is gone, whatever its firmware.
 */
import { rm } from 'node:fs/promises';
import { makeTempDir, run } from '@slipway/core';
import type { BootcHost } from '@slipway/host';
import { FAST_EMULATED_CPU, makeSshKey, type SshKey, startVm, type Vm } from '@slipway/vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storageImage, storageRelease } from '../harness/images.ts';
import { emptyDisk, installMachine, makeMedium } from '../harness/installer.ts';
import { startRegistry, type TestRegistry } from '../harness/registry.ts';
import { ROOT, slipway } from '../harness/slipway.ts';
import { SYSTEM_STATE } from '../harness/system-state.ts';

const FILES = `${ROOT}/build/tests/raid-root`;
const GIB = 1024 ** 3;
const DISKS = ['left.raw', 'right.raw'] as const;
/** Where the boot partition of each begins. */
const BOOT_AT = '1M';
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

let registry: TestRegistry;
let sshKey: SshKey;

beforeAll(async () => {
  const [image, release] = [await storageImage(say), await storageRelease(2, say)];
  registry = await startRegistry();
  const target = `${registry.guestHostPort}/host:stable`;
  await makeMedium({ directory: FILES, image, config: `${CONFIG}${plainHttp()}`, target }, say);
  await slipway(['push', release, `${registry.hostPort}/host:stable`]);
  sshKey = await makeSshKey(FILES);
  for (const name of DISKS) await emptyDisk(`${FILES}/${name}`, 6 * GIB);
});
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await rm(FILES, { recursive: true, force: true });
});

function plainHttp(): string {
  return `
[[customizations.files]]
path = "/etc/containers/registries.conf.d/plain-http.conf"
data = """
[[registry]]
location = "${registry.guestHostPort}"
insecure = true
"""
`;
}

interface Start {
  readonly disks: readonly string[];
  /** Keep what the machine writes. */
  readonly keep: boolean;
  readonly firmware?: 'uefi' | 'bios';
}

async function start({ disks, keep, firmware = 'uefi' }: Start): Promise<Vm> {
  const vm = await startVm({
    boot: { kind: firmware },
    disks: disks.map((name) => ({
      path: `${FILES}/${name}`,
      format: 'raw',
      changes: { kind: keep ? 'write' : 'discard' },
    })),
    sshKey,
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes: GIB,
    onReboot: 'shutdown',
    consoleLogPath: `${FILES}/console.log`,
  });
  await vm.waitForSsh({ withinMs: WITHIN_MS });
  return vm;
}

async function status(vm: Vm): Promise<{ readonly version: string | null; readonly copies: unknown }> {
  const host = JSON.parse(await vm.output('slipway status --json')) as BootcHost;
  return { version: host.status.booted?.image?.version ?? null, copies: host.slipway.bootCopies };
}

/** Reads both boot partitions with nothing of ours and compares them, but for what the boot loader keeps for itself. */
async function expectBootPartitionsAlike(): Promise<void> {
  await using temp = await makeTempDir('boot-partitions');
  for (const name of DISKS) {
    await run(['mkdir', `${temp.path}/${name}`], { describe: 'make a directory' });
    await run(['mcopy', '-s', '-i', `${FILES}/${name}@@${BOOT_AT}`, '::/', `${temp.path}/${name}`], {
      describe: 'read a boot partition',
    });
  }
  const { stdout } = await run(
    ['diff', '-rq', '--exclude=random-seed', ...DISKS.map((name) => `${temp.path}/${name}`)],
    {
      describe: 'compare boot partitions',
      allowExitCodes: [1],
    },
  );
  expect(stdout.toString()).toBe('');
}

test('a root on a mirror of two disks is installed, starts, and is updated on both', async () => {
  await installMachine({
    directory: FILES,
    from: 'stick',
    disks: DISKS,
    memoryBytes: 1.5 * GIB,
    withinMs: WITHIN_MS,
  });
  {
    await using vm = await start({ disks: DISKS, keep: true });
    expect(await vm.output('hostname')).toBe('mirrored');
    expect(await vm.output('findmnt -no FSTYPE --mountpoint /sysroot')).toBe('btrfs');
    expect(await vm.output('findmnt -no OPTIONS /')).toContain('verity=require');
    expect(await vm.output('lsblk -nro TYPE -s $(findmnt -nvo SOURCE --mountpoint /sysroot)')).toBe(
      'raid1\npart\ndisk\npart\ndisk',
    );
    expect(await vm.output(SYSTEM_STATE)).toBe('running');
    expect((await status(vm)).copies).toEqual([{ device: '/dev/vdb1', reason: null }]);
    await vm.output('slipway upgrade');
    await vm.powerOff({ withinMs: WITHIN_MS });
  }
  await expectBootPartitionsAlike();
  {
    await using vm = await start({ disks: DISKS, keep: true });
    expect(await vm.output(SYSTEM_STATE)).toBe('running');
    expect(await status(vm)).toEqual({ version: '2', copies: [{ device: '/dev/vdb1', reason: null }] });
    expect(await vm.output('ls /boot/loader/entries')).toBe('slipway-1.conf\nslipway-2.conf');
    expect(await vm.output('slipway fsck')).toBe('nothing is damaged');
    await vm.powerOff({ withinMs: WITHIN_MS });
  }
  await expectBootPartitionsAlike();
});

test.each([
  ['second', 'left.raw', 'uefi'],
  ['first', 'right.raw', 'uefi'],
  ['first', 'right.raw', 'bios'],
] as const)('it starts the update without the %s of them: from %s, by %s', async (_, disk, firmware) => {
  await using vm = await start({ disks: [disk], keep: false, firmware });
  expect(await vm.output('cat /proc/mdstat')).toMatch(/raid1 [^\n]*\n[^\n]*\[2\/1\]/);
  expect(await vm.output('findmnt -no OPTIONS /')).toContain('verity=require');
  expect(await vm.output('findmnt -no SOURCE --mountpoint /boot')).toBe('/dev/vda1');
  expect(await vm.output(SYSTEM_STATE)).toBe('running');
  expect(await status(vm)).toEqual({ version: '2', copies: [] });
});
