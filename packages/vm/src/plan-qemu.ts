import type { Acceleration } from './acceleration.ts';

/** A disk as QEMU gets it: overlays already made. */
export interface PlannedDisk {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly isReadOnly: boolean;
  /** File in which every write, discard and flush of the guest is recorded, in order, in the format of Linux's dm-log-writes. */
  readonly writeLogPath?: string;
  readonly isDisc?: boolean;
}

/** What starts the machine. */
export type PlannedBoot =
  | { readonly kind: 'uefi'; readonly codePath: string; readonly variablesPath: string }
  | { readonly kind: 'bios' }
  | {
      readonly kind: 'kernel';
      readonly kernelPath: string;
      readonly initrdPath: string | undefined;
      readonly commandLine: string;
    };

/** A port of the host's loopback that leads into the guest; host port 0 lets QEMU choose a free one. */
export interface PlannedForward {
  readonly hostPort: number;
  readonly guestPort: number;
}

/** Everything decided about a machine. */
export interface QemuPlan {
  /** What starts QEMU. */
  readonly qemu: readonly [string, ...string[]];
  readonly name: string;
  readonly acceleration: Acceleration['kind'];
  readonly cpus: number;
  readonly cpuModel: string;
  readonly memoryBytes: number;
  readonly boot: PlannedBoot;
  /** In order: the first is /dev/vda, and what the firmware boots. */
  readonly disks: readonly PlannedDisk[];
  readonly network: 'user' | 'isolated' | 'none';
  /** What DHCP tells the boot ROM of the network card to load, before any disk is tried. */
  readonly networkBootUrl: string | undefined;
  readonly forwards: readonly PlannedForward[];
  /** Files whose content becomes one SMBIOS type 11 string each. */
  readonly smbiosPaths: readonly string[];
  readonly consoleLogPath: string;
  /** Control socket of a TPM 2.0 emulated by swtpm, where the machine has one. */
  readonly tpmSocketPath: string | undefined;
  /** What a reset asked for by the guest does. */
  readonly onReboot: 'reset' | 'shutdown';
}

/** File descriptor on which QEMU finds its control socket already connected. */
export const QMP_FD = 3;

const MIB = 1024 * 1024;
const LOG_SECTOR_BYTES = 512;

/**
 * The command line of QEMU for a plan. The serial console is its standard input and output, its control socket is
 * descriptor {@link QMP_FD}: no path, no port, nobody else can connect.
 */
export function planQemu(plan: QemuPlan): readonly [string, ...string[]] {
  const log = `logfile=${escapeCommas(plan.consoleLogPath)},logappend=on`;
  const options: readonly (readonly string[])[] = [
    ['-nodefaults', '-no-user-config', '-display', 'none'],
    ['-name', `guest=${escapeCommas(plan.name)}`],
    machineArguments(plan),
    bootArguments(plan.boot),
    ...plan.disks.map((disk, index) => diskArguments(disk, index)),
    networkArguments(plan),
    ['-device', 'virtio-rng-pci'],
    ...plan.smbiosPaths.map((path) => ['-smbios', `type=11,path=${escapeCommas(path)}`]),
    ['-chardev', `stdio,id=console,signal=off,${log}`, '-serial', 'chardev:console'],
    ['-chardev', `socket,id=control,fd=${QMP_FD}`, '-mon', 'chardev=control,mode=control'],
    tpmArguments(plan.tpmSocketPath),
    plan.onReboot === 'shutdown' ? ['-no-reboot'] : [],
  ];
  return [...plan.qemu, ...options.flat()];
}

/**
 * Controllers that every PC has and none of these machines uses: disks and network are virtio, the power button is ACPI. Each would
 * be probed by the guest twice, in its initramfs and after it.
 */
const UNUSED_CONTROLLERS = 'sata=off,smbus=off,i8042=off';

function machineArguments(plan: QemuPlan): readonly string[] {
  const flash = plan.boot.kind === 'uefi' ? ',pflash0=firmware,pflash1=variables' : '';
  const accelerator = plan.acceleration === 'kvm' ? 'kvm' : 'tcg,thread=multi';
  const memory = `${Math.ceil(plan.memoryBytes / MIB)}M`;
  return [
    ['-machine', `q35,${UNUSED_CONTROLLERS}${flash}`, '-accel', accelerator],
    ['-cpu', plan.cpuModel, '-smp', String(plan.cpus), '-m', memory],
  ].flat();
}

function bootArguments(boot: PlannedBoot): readonly string[] {
  if (boot.kind === 'bios') return [];
  if (boot.kind === 'uefi') {
    return [
      ...blockdev('firmware', { path: boot.codePath, format: 'raw', isReadOnly: true }),
      ...blockdev('variables', { path: boot.variablesPath, format: 'raw', isReadOnly: false }),
    ];
  }
  const initrd = boot.initrdPath === undefined ? [] : ['-initrd', boot.initrdPath];
  return ['-kernel', boot.kernelPath, ...initrd, '-append', boot.commandLine];
}

function diskArguments(disk: PlannedDisk, index: number): readonly string[] {
  if (disk.isDisc === true) {
    const drive = `scsi-cd,bus=discs${index}.0,drive=disk${index},bootindex=${index + 1}`;
    const controller = ['-device', `virtio-scsi-pci,id=discs${index}`];
    return [...blockdev(`disk${index}`, disk), ...controller, '-device', drive];
  }
  const device = `virtio-blk-pci,drive=disk${index},serial=slipway-disk${index},bootindex=${index + 1}`;
  return [...blockdev(`disk${index}`, disk), '-device', device];
}

/** As JSON, in which no character of a path means anything. */
function blockdev(name: string, disk: PlannedDisk): readonly string[] {
  const common = { 'read-only': disk.isReadOnly, discard: 'unmap' };
  const file = { driver: 'file', filename: disk.path, ...common };
  const node = { driver: disk.format, file, ...common };
  return ['-blockdev', JSON.stringify({ 'node-name': name, ...recorded(node, disk) })];
}

/** Every request of the guest goes through a node that notes it, data included, before it reaches the disk. */
function recorded(node: object, { writeLogPath }: PlannedDisk): object {
  if (writeLogPath === undefined) return node;
  const log = { driver: 'file', filename: writeLogPath };
  return { driver: 'blklogwrites', file: node, log, 'log-sector-size': LOG_SECTOR_BYTES };
}

function networkArguments(plan: QemuPlan): readonly string[] {
  if (plan.network === 'none') return ['-nic', 'none'];
  const forwards = plan.forwards.map(
    ({ hostPort, guestPort }) => `,hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`,
  );
  const restrict = plan.network === 'isolated' ? ',restrict=on' : '';
  const { networkBootUrl } = plan;
  const bootFile = networkBootUrl === undefined ? '' : `,bootfile=${escapeCommas(networkBootUrl)}`;
  const network = `user,id=net0${restrict}${bootFile}${forwards.join('')}`;
  // No boot ROM where nothing boots from the network: looking for it costs seconds.
  const rom = networkBootUrl === undefined ? 'romfile=' : 'bootindex=0';
  return ['-netdev', network, '-device', `virtio-net-pci,netdev=net0,${rom}`];
}

function tpmArguments(socketPath: string | undefined): readonly string[] {
  if (socketPath === undefined) return [];
  const socket = `socket,id=tpm,path=${escapeCommas(socketPath)}`;
  return ['-chardev', socket, '-tpmdev', 'emulator,id=tpm0,chardev=tpm', '-device', 'tpm-crb,tpmdev=tpm0'];
}

/** In QEMU's option lists a comma in a value is written twice. */
function escapeCommas(value: string): string {
  return value.replaceAll(',', ',,');
}

/**
 * The forwarded ports QEMU chose, from what its monitor says in `info usernet`: host port by guest port.
 */
export function parseForwards(usernet: string): ReadonlyMap<number, number> {
  const line = /TCP\[HOST_FORWARD\]\s+\d+\s+[\d.]+\s+(?<hostPort>\d+)\s+[\d.]+\s+(?<guestPort>\d+)/g;
  return new Map(
    usernet
      .matchAll(line)
      .map(({ groups }) => [Number(groups?.['guestPort']), Number(groups?.['hostPort'])] as const),
  );
}
