import { describe, expect, test } from 'vitest';
import { parseForwards, planQemu, type QemuPlan } from './plan-qemu.ts';

const PLAN: QemuPlan = {
  qemu: ['qemu-system-x86_64'],
  name: 'test',
  acceleration: 'tcg',
  cpus: 2,
  cpuModel: 'max',
  memoryBytes: 1024 ** 3,
  boot: { kind: 'uefi', codePath: '/code.fd', variablesPath: '/vars.fd' },
  disks: [{ path: '/disk,1.qcow2', format: 'qcow2', isReadOnly: false }],
  network: 'user',
  networkBootUrl: undefined,
  forwards: [
    { hostPort: 0, guestPort: 22 },
    { hostPort: 8080, guestPort: 80 },
  ],
  smbiosPaths: ['/run/a,b/smbios-0'],
  consoleLogPath: '/dev/null',
  tpmSocketPath: undefined,
  onReboot: 'reset',
};

describe('the command line of QEMU', () => {
  test('a UEFI machine with a disk, forwarded ports and credentials', () => {
    const argv = planQemu(PLAN);
    expect(valueOf(argv, '-machine')).toBe(
      'q35,sata=off,smbus=off,i8042=off,pflash0=firmware,pflash1=variables',
    );
    expect(valueOf(argv, '-accel')).toBe('tcg,thread=multi');
    expect(valueOf(argv, '-m')).toBe('1024M');
    expect(valueOf(argv, '-netdev')).toBe(
      'user,id=net0,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=tcp:127.0.0.1:8080-:80',
    );
    expect(valueOf(argv, '-smbios')).toBe('type=11,path=/run/a,,b/smbios-0');
    expect(argv).toContain('virtio-blk-pci,drive=disk0,serial=slipway-disk0,bootindex=1');
    const blockdevs = valuesOf(argv, '-blockdev').map((value): unknown => JSON.parse(value));
    expect(blockdevs).toMatchObject([
      { driver: 'raw', 'node-name': 'firmware', 'read-only': true, file: { filename: '/code.fd' } },
      { driver: 'raw', 'node-name': 'variables', 'read-only': false, file: { filename: '/vars.fd' } },
      { driver: 'qcow2', 'node-name': 'disk0', 'read-only': false, file: { filename: '/disk,1.qcow2' } },
    ]);
  });

  test('a disk whose writes are recorded is reached through the record', () => {
    const disk = {
      path: '/disk.raw',
      format: 'raw',
      isReadOnly: false,
      writeLogPath: '/writes,1.log',
    } as const;
    const argv = planQemu({ ...PLAN, disks: [disk] });
    expect(JSON.parse(valuesOf(argv, '-blockdev')[2] ?? '')).toMatchObject({
      driver: 'blklogwrites',
      'node-name': 'disk0',
      file: { driver: 'raw', file: { filename: '/disk.raw' } },
      log: { driver: 'file', filename: '/writes,1.log' },
      'log-sector-size': 512,
    });
    expect(argv).toContain('virtio-blk-pci,drive=disk0,serial=slipway-disk0,bootindex=1');
  });

  test('a disc is in a drive of its own, in the order of the disks', () => {
    const disc = { path: '/medium.iso', format: 'raw', isReadOnly: true, isDisc: true } as const;
    const argv = planQemu({ ...PLAN, disks: [disc, ...PLAN.disks] });
    expect(valuesOf(argv, '-device')).toEqual(
      expect.arrayContaining([
        'virtio-scsi-pci,id=discs0',
        'scsi-cd,bus=discs0.0,drive=disk0,bootindex=1',
        'virtio-blk-pci,drive=disk1,serial=slipway-disk1,bootindex=2',
      ]),
    );
  });

  test('what is started from the network comes before every disk', () => {
    const argv = planQemu({ ...PLAN, forwards: [], networkBootUrl: 'http://10.0.2.2:80/a,b.ipxe' });
    expect(valueOf(argv, '-netdev')).toBe('user,id=net0,bootfile=http://10.0.2.2:80/a,,b.ipxe');
    expect(argv).toContain('virtio-net-pci,netdev=net0,bootindex=0');
  });

  test('a machine with a TPM', () => {
    const argv = planQemu({ ...PLAN, tpmSocketPath: '/run/a,b/tpm.sock' });
    expect(valuesOf(argv, '-chardev')).toContain('socket,id=tpm,path=/run/a,,b/tpm.sock');
    expect(valueOf(argv, '-tpmdev')).toBe('emulator,id=tpm0,chardev=tpm');
    expect(argv).toContain('tpm-crb,tpmdev=tpm0');
    expect(planQemu(PLAN)).not.toContain('-tpmdev');
  });

  test('a kernel without firmware, under KVM, that does not reboot', () => {
    const argv = planQemu({
      ...PLAN,
      acceleration: 'kvm',
      boot: {
        kind: 'kernel',
        kernelPath: '/vmlinuz',
        initrdPath: '/initrd',
        commandLine: 'console=ttyS0 a=b',
      },
      onReboot: 'shutdown',
    });
    expect(valueOf(argv, '-machine')).toBe('q35,sata=off,smbus=off,i8042=off');
    expect(valueOf(argv, '-accel')).toBe('kvm');
    expect(valueOf(argv, '-kernel')).toBe('/vmlinuz');
    expect(valueOf(argv, '-initrd')).toBe('/initrd');
    expect(valueOf(argv, '-append')).toBe('console=ttyS0 a=b');
    expect(argv).toContain('-no-reboot');
  });

  test('a kernel alone, with memory that is no whole number of megabytes', () => {
    const boot = { kind: 'kernel', kernelPath: '/k', initrdPath: undefined, commandLine: '' } as const;
    const argv = planQemu({ ...PLAN, boot, memoryBytes: 512 * 1024 ** 2 + 1 });
    expect(argv).not.toContain('-initrd');
    expect(valueOf(argv, '-m')).toBe('513M');
  });

  test.each([
    ['isolated', 'user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:22'],
    ['none', undefined],
  ] as const)('a network that is %s', (network, expected) => {
    const argv = planQemu({ ...PLAN, network, forwards: [{ hostPort: 0, guestPort: 22 }] });
    expect(valueOf(argv, '-netdev')).toBe(expected);
    expect(argv.includes('virtio-net-pci,netdev=net0,romfile=')).toBe(expected !== undefined);
  });
});

test('ports QEMU chose are read from its monitor', () => {
  const usernet = [
    'Hub -1 (net0):',
    '  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ',
    '  TCP[ESTABLISHED]   12       10.0.2.15 40000       127.0.0.1   443     0     0',
    '  TCP[HOST_FORWARD]   9       127.0.0.1 46493       10.0.2.15    22     0     0',
    '  TCP[HOST_FORWARD]  10       127.0.0.1  8080       10.0.2.15    80     0     0',
    '  UDP[236 sec]       11       10.0.2.15 50000        10.0.2.3    53     0     0',
  ].join('\r\n');
  expect(parseForwards(usernet)).toEqual(
    new Map([
      [22, 46_493],
      [80, 8080],
    ]),
  );
  expect(parseForwards('')).toEqual(new Map());
});

function valuesOf(argv: readonly string[], option: string): readonly string[] {
  return argv.filter((_, index) => argv[index - 1] === option);
}

function valueOf(argv: readonly string[], option: string): string | undefined {
  return valuesOf(argv, option)[0];
}
