import type { OperationOptions } from '@slipway/core';
import type { Acceleration } from './acceleration.ts';
import type { Credentials } from './credentials.ts';
import type { VmDisk } from './disk.ts';
import type { PlannedForward } from './plan-qemu.ts';
import type { SshKey } from './ssh-key.ts';

/** What starts the machine. */
export type VmBoot =
  | {
      readonly kind: 'uefi';
      /** File that keeps the firmware's variables; made from the template when it is not there. Default: forgotten. */
      readonly variablesPath?: string;
    }
  | { readonly kind: 'bios' }
  | {
      /** A kernel loaded by QEMU itself, with no firmware or boot loader of the disk in between. */
      readonly kind: 'kernel';
      readonly kernelPath: string;
      readonly initrdPath?: string;
      readonly commandLine: string;
    };

/**
 * The processor an emulated x86-64 machine boots fastest with: everything x86-64-v2 asks for and no wide vector instructions, which cost
 * more to emulate than they save; and by its model one that never speculates. For others Linux changes page tables at every system
 * call, and an emulator forgets all it translated addresses to when it does: twice as long until a host is up.
 */
export const FAST_EMULATED_CPU = 'Nehalem,model=28,stepping=10';

/**
 * The first QEMU whose emulated machines may have several processors. A kernel rewrites its own instructions while it starts (static
 * keys, alternatives); before 8.1 one processor was translated half of what another was just rewriting, and the guest panicked, about
 * once in twenty boots. Since then the page being translated is locked.
 */
export const EMULATES_SEVERAL_CPUS_SINCE = { major: 8, minor: 1 } as const;

/** A virtual machine to start. */
export interface VmOptions extends OperationOptions {
  readonly boot: VmBoot;
  /** In order: the first is /dev/vda, and what the firmware boots. */
  readonly disks?: readonly VmDisk[];
  /** Shown in process lists and logs. Default `slipway`. */
  readonly name?: string;
  /** The command that starts QEMU, its options not included. Default: `qemu-system-x86_64` of PATH. */
  readonly qemu?: readonly [string, ...string[]];
  /** Default: what {@link findAcceleration} says. */
  readonly acceleration?: Acceleration;
  /** Default 2, and 1 where they are emulated: see {@link EMULATES_SEVERAL_CPUS_SINCE}. */
  readonly cpus?: number;
  /**
   * A processor of QEMU's list. Default `max`: whatever the image was built for runs. Emulated, {@link FAST_EMULATED_CPU} is
   * much faster.
   */
  readonly cpuModel?: string;
  /** Default 1 GiB. */
  readonly memoryBytes?: number;
  /**
   * `user` (default): out to everything the host reaches; 10.0.2.2 is the host itself, its loopback included.
   * `isolated`: only forwarded ports, nothing out. `none`: no network card.
   */
  readonly network?: 'user' | 'isolated' | 'none';
  /**
   * What the machine starts from the network, before any disk: the address of a script of iPXE, which is the boot ROM of its network card.
   * Not with a `kernel`, nor without a network.
   */
  readonly networkBootUrl?: string;
  /** Loopback ports of the host that lead into the guest, besides the one for ssh. */
  readonly forwards?: readonly PlannedForward[];
  /** Handed to the guest's systemd. */
  readonly credentials?: Credentials;
  /**
   * The key that opens the guest, handed over as credential `ssh.authorized_keys.root`. Default: a new one. A disk that kept the
   * key of an earlier machine must be given that key again. `false`: none, the machine is not reached by ssh.
   */
  readonly sshKey?: SshKey | false;
  /** Give the machine a TPM 2.0 whose state is kept in this directory, made where it is not there; needs swtpm. */
  readonly tpmDirectory?: string;
  /** Everything the serial console says is added to this file. Default: kept only in memory. */
  readonly consoleLogPath?: string;
  /** What a reboot asked for by the guest does. Default `reset`. */
  readonly onReboot?: 'reset' | 'shutdown';
  /** Parent of the machine's private directory, which holds discarded changes of disks. Default: the system's temporary one. */
  readonly directory?: string;
}
