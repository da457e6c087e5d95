/** A disk as a power cut left it, booted in a machine of its own, which says what it finds and switches itself off. */
import { join } from 'node:path';
import { type BootEntry, bootEntryOptions, bootEntryValue, readBootEntries } from '@slipway/boot';
import { FAST_EMULATED_CPU, startVm, type VmBoot } from '@slipway/vm';

/** What the booted host said of itself. */
export interface BootedCut {
  readonly deployment: string | undefined;
  /** What the history says of this boot, in order. */
  readonly events: readonly string[];
  /** Files of the administrator, by name. */
  readonly kept: Readonly<Record<string, string>>;
}

/** Generous: an emulated machine on a busy computer. Reaching it is a failure. */
export const BOOT_WITHIN_MS = 900_000;
const MIB = 1024 * 1024;

/**
 * Handed in as a unit, so that the disk stays as it was cut. With a kernel started by QEMU there is no firmware that says where the boot
 * partition is: it is mounted by hand then. A login on the same line would hang up whoever writes there.
 */
const TELL = `[Unit]
Description=Tell what became of the host
RequiresMountsFor=/etc /var /sysroot
After=boot.mount local-fs.target systemd-udev-settle.service
Wants=boot.mount
Before=serial-getty@ttyS0.service

[Service]
Type=oneshot
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
ExecStart=/bin/sh -c '\\
  mountpoint -q /boot || mount -t vfat -o umask=0077 /dev/vda1 /boot; \\
  slipway internals booted; \\
  for f in edited added deleted default; do echo "faults: $$f=$$(cat /etc/faults/$$f 2>/dev/null)"; done; \\
  echo "faults: kept=$$(cat /var/lib/kept)"; \\
  echo "faults: deployment=$$(sed -n "s/.* composefs=\\\\([0-9a-f]*\\\\).*/\\\\1/p" /proc/cmdline)"; \\
  slipway history --json --limit 4 | grep -o "\\\\"event\\\\": *\\\\"[a-z-]*" | sed "s/.*\\\\"/faults: event=/"; \\
  echo "faults: end="'
ExecStopPost=/bin/systemctl --force --force poweroff
`;

/** How a cut is booted: its kernel started at once, or by the firmware and the boot loader of the disk. */
export type BootWay = 'kernel' | 'firmware';

/** Boots a disk; its changes are forgotten. `esp` is a directory with the files of its boot partition. */
export async function bootCut(diskPath: string, esp: string, way: BootWay): Promise<BootedCut> {
  await using vm = await startVm({
    boot: await vmBoot(esp, way),
    disks: [{ path: diskPath, format: 'raw' }],
    memoryBytes: 768 * MIB,
    cpuModel: FAST_EMULATED_CPU,
    network: 'none',
    onReboot: 'shutdown',
    credentials: {
      'systemd.extra-unit.faults.service': TELL,
      ...(way === 'kernel'
        ? {}
        : { 'systemd.unit-dropin.multi-user.target': '[Unit]\nWants=faults.service\n' }),
    },
  });
  await vm.waitForPowerOff({ withinMs: BOOT_WITHIN_MS });
  const said = (await Array.fromAsync(vm.console.lines())).flatMap((line) => {
    const { name = '', value = '' } = /faults: (?<name>\w+)=(?<value>\S.*|)$/.exec(line.trim())?.groups ?? {};
    return name === '' ? [] : [{ name, value }];
  });
  const ofName = (wanted: string): readonly string[] =>
    said.flatMap(({ name, value }) => (name === wanted ? [value] : []));
  if (ofName('end').length === 0) {
    throw new Error(`the host did not come up:\n${vm.console.last(30).join('\n')}`);
  }
  return {
    deployment: ofName('deployment')[0],
    events: ofName('event'),
    kept: Object.fromEntries(
      ['edited', 'added', 'deleted', 'default', 'kept'].map((name) => [name, ofName(name)[0] ?? '']),
    ),
  };
}

async function vmBoot(esp: string, way: BootWay): Promise<VmBoot> {
  if (way === 'firmware') return { kind: 'uefi' };
  const [first] = (await readBootEntries(esp)).entries;
  if (first === undefined) throw new Error('there is nothing to boot');
  return {
    kind: 'kernel',
    kernelPath: pathIn(esp, first.entry, 'linux'),
    initrdPath: pathIn(esp, first.entry, 'initrd'),
    commandLine: `${bootEntryOptions(first.entry)} systemd.unit=faults.service`,
  };
}

function pathIn(esp: string, entry: BootEntry, key: 'linux' | 'initrd'): string {
  return join(esp, bootEntryValue(entry, key) ?? '');
}
