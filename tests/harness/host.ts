/** A booted host in a virtual machine, as tests and the demonstration talk to it. */
import { join } from 'node:path';
import { isSlipwayError, makeTempDir } from '@slipway/core';
import { FAST_EMULATED_CPU, makeSshKey, type SshKey, startVm, type Vm, type VmOptions } from '@slipway/vm';

/** Generous: an emulated machine on a busy computer. Reaching it is a failure, never a measure. */
const WITHIN_MS = 600_000;

/** What tests read of `slipway status --json`. */
export interface HostStatus {
  readonly status: {
    readonly booted: HostDeployment | null;
    readonly staged: HostDeployment | null;
    readonly rollback: HostDeployment | null;
    readonly rollbackQueued: boolean;
  };
}

/** One deployment in it. */
export interface HostDeployment {
  readonly image: {
    readonly image: { readonly image: string; readonly transport: string };
    readonly version: string | null;
    readonly imageDigest: string;
  } | null;
  readonly composefs: { readonly verity: string; readonly bootloader: string } | null;
}

/** A line of `slipway history --json`. */
export interface HostHistoryRecord {
  readonly event: string;
  readonly deployment?: string;
  readonly reason?: string;
}

/** A host that runs. */
export interface TestHost extends AsyncDisposable {
  /** The machine of the present boot: every boot starts a new one on the same disk, as from cold. */
  readonly vm: Vm;
  /** What opens it. */
  readonly sshKey: SshKey;
  /** Runs a shell script as root that must succeed; what it printed. */
  run(script: string): Promise<string>;
  status(): Promise<HostStatus>;
  history(): Promise<readonly HostHistoryRecord[]>;
  reboot(): Promise<void>;
  /** The same where the next boot ends by itself, with nobody there: waits until the one after it can be reached. */
  rebootTwice(): Promise<void>;
  /** The same where nobody knows how many boots end by themselves: waits until one stays up, and says which it was. */
  rebootUntilUp(mostBoots: number): Promise<number>;
  /** Shuts down in good order and waits until the machine is off. */
  powerOff(): Promise<void>;
}

/** How to start a host. */
export interface StartHost {
  readonly disk: string;
  readonly format: 'raw' | 'qcow2';
  /** Default `uefi`. */
  readonly firmware?: 'uefi' | 'bios';
  /** Keep what the host writes in the disk file itself; else it is forgotten at the end. */
  readonly keep?: boolean;
  /** Size of the disk the host sees, where larger than the file's; only with changes that are forgotten. */
  readonly sizeBytes?: number;
  readonly consoleLogPath?: string;
  /** Processors and the QEMU that emulates them. Default: one, of the machine's. */
  readonly processors?: Pick<VmOptions, 'cpus' | 'qemu'>;
  /**
   * Whether a reboot ends the machine, so that the next boot is one from cold and whoever waits for it starts it (the default), or the
   * machine goes on by itself, as those do that nobody waits for.
   */
  readonly restarts?: 'from cold' | 'by itself';
  /** The key a host on this disk was reached with before: what it authorized then it keeps. */
  readonly sshKey?: SshKey;
}

/** Boots a disk and waits until commands can be run on it. */
export async function startHost(options: StartHost): Promise<TestHost> {
  await using resources = new AsyncDisposableStack();
  const directory = resources.use(await makeTempDir('host')).path;
  const sshKey = options.sshKey ?? (await makeSshKey(directory));
  let vm: Vm;

  const start = async (): Promise<void> => {
    vm = await startVm(vmOptions(options, directory, sshKey));
  };
  const boot = async (): Promise<void> => {
    await start();
    await vm.waitForSsh({ withinMs: WITHIN_MS });
  };
  const ended = async (): Promise<void> => {
    await vm.waitForPowerOff({ withinMs: WITHIN_MS });
    await vm[Symbol.asyncDispose]();
  };
  const staysUp = async (): Promise<boolean> => {
    try {
      await vm.waitForSsh({ withinMs: WITHIN_MS });
      return true;
    } catch (thrown) {
      // It has ended; whether in good order is asked where that is waited for.
      if (!isSlipwayError(thrown, 'VM_FAILED')) throw thrown;
      return false;
    }
  };
  resources.defer(async () => {
    await vm?.[Symbol.asyncDispose]();
  });
  await boot();
  const owned = resources.move();
  const run = (script: string): Promise<string> => vm.output(script);
  return {
    get vm() {
      return vm;
    },
    sshKey,
    run,
    status: async () => JSON.parse(await run('slipway status --json')) as HostStatus,
    history: async () => JSON.parse(await run('slipway history --json')) as readonly HostHistoryRecord[],
    reboot: async () => {
      await vm.runLast('systemctl reboot');
      await ended();
      await boot();
    },
    rebootTwice: async () => {
      await vm.runLast('systemctl reboot');
      await ended();
      await start();
      await ended();
      await boot();
    },
    rebootUntilUp: async (mostBoots) => {
      await vm.runLast('systemctl reboot');
      for (let boots = 1; boots <= mostBoots; boots += 1) {
        await ended();
        await start();
        if (await staysUp()) return boots;
      }
      throw new Error(`none of ${mostBoots} boots stayed up:\n${vm.console.last(40).join('\n')}`);
    },
    powerOff: async () => {
      await vm.powerOff({ withinMs: WITHIN_MS });
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

/** Lets a host speak plain HTTP to a registry of the machine it is emulated on; a real one needs no such file. */
export async function allowPlainHttp(host: TestHost, guestHostPort: string): Promise<void> {
  await host.run(
    `mkdir -p /etc/containers/registries.conf.d
     printf '[[registry]]\\nlocation = "${guestHostPort}"\\ninsecure = true\\n' >/etc/containers/registries.conf.d/plain-http.conf`,
  );
}

function vmOptions(options: StartHost, directory: string, sshKey: SshKey): VmOptions {
  const { disk, format, firmware = 'uefi', keep = false, sizeBytes, consoleLogPath } = options;
  const variablesPath = join(directory, 'variables.fd');
  return {
    boot: firmware === 'bios' ? { kind: 'bios' } : { kind: 'uefi', variablesPath },
    disks: [
      {
        path: disk,
        format,
        changes: keep ? { kind: 'write' } : { kind: 'overlay', path: join(directory, 'overlay.qcow2') },
        ...(sizeBytes === undefined ? {} : { sizeBytes }),
      },
    ],
    sshKey,
    onReboot: options.restarts === 'by itself' ? 'reset' : 'shutdown',
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes: 1024 ** 3,
    ...(consoleLogPath === undefined ? {} : { consoleLogPath }),
    ...options.processors,
  };
}
