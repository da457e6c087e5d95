import { constants, copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, makeTempDir, operation } from '@slipway/core';
import { findAcceleration } from './acceleration.ts';
import { VmConsole } from './console.ts';
import { type Credentials, smbiosCredentials } from './credentials.ts';
import { prepareDisk } from './disk.ts';
import { findFirmware } from './firmware.ts';
import type { VmBoot, VmOptions } from './options.ts';
import {
  type PlannedBoot,
  type PlannedForward,
  parseForwards,
  planQemu,
  type QemuPlan,
} from './plan-qemu.ts';
import { type QemuProcess, spawnQemu, whyNotStarted } from './qemu-process.ts';
import { QmpClient } from './qmp.ts';
import { makeSshKey, type SshKey } from './ssh-key.ts';
import { startTpm } from './tpm.ts';
import { Vm } from './vm.ts';

const GIB = 1024 ** 3;
const SSH_PORT = 22;

/**
 * Starts a virtual machine and returns as soon as it runs, long before its system is up: `vm.waitForSsh()` waits for that.
 * Disposing of it ends it as a power cut would; use `vm.powerOff()` first where the disk matters.
 *
 * @throws SlipwayError TOOL_MISSING without QEMU, OVMF or ssh-keygen; VM_FAILED with QEMU's own words when it does not start;
 *   USAGE for options that cannot be
 */
export async function startVm(options: VmOptions): Promise<Vm> {
  const { log, signal } = operation(options);
  const acceleration = options.acceleration ?? (await findAcceleration(options));
  if (acceleration.kind === 'tcg') log.debug('no KVM, the machine is slow', { reason: acceleration.reason });

  await using resources = new AsyncDisposableStack();
  const { path: directory } = resources.use(await makeTempDir('vm', options.directory));
  const sshKey = await keyOf(options, directory);
  const tpmSocketPath =
    options.tpmDirectory === undefined
      ? undefined
      : await startTpm(options.tpmDirectory, join(directory, 'tpm.sock'), resources);
  const plan = { ...(await planMachine(options, acceleration.kind, sshKey, directory)), tpmSocketPath };
  signal.throwIfAborted();
  const argv = planQemu(plan);
  log.debug('starting a virtual machine', { argv: argv.join(' ') });
  const process = await spawnQemu(argv);
  resources.defer(async () => {
    process.kill();
    await process.exited;
  });
  const console = new VmConsole(process.consoleInput, process.consoleOutput);
  const qmp = await connect(process);
  const ports = await forwardedPorts(qmp);
  return new Vm({
    name: plan.name,
    acceleration,
    process,
    console,
    qmp,
    ports,
    sshKey,
    directory,
    resources: resources.move(),
  });
}

async function keyOf(options: VmOptions, directory: string): Promise<SshKey | undefined> {
  if (options.sshKey === false || options.network === 'none') return undefined;
  return options.sshKey ?? (await makeSshKey(directory));
}

/** One where they are emulated: the machine's QEMU may be older than EMULATES_SEVERAL_CPUS_SINCE. */
const DEFAULT_CPUS: Readonly<Record<'kvm' | 'tcg', number>> = { kvm: 2, tcg: 1 };

/** Everything the plan needs that must first be found or made: firmware, overlays, credential files. */
async function planMachine(
  options: VmOptions,
  acceleration: 'kvm' | 'tcg',
  sshKey: SshKey | undefined,
  directory: string,
): Promise<Omit<QemuPlan, 'tpmSocketPath'>> {
  const key: Credentials =
    sshKey === undefined ? {} : { 'ssh.authorized_keys.root': `${sshKey.publicKey}\n` };
  const ssh: readonly PlannedForward[] = sshKey === undefined ? [] : [{ hostPort: 0, guestPort: SSH_PORT }];
  return {
    qemu: options.qemu ?? ['qemu-system-x86_64'],
    name: options.name ?? 'slipway',
    acceleration,
    cpus: options.cpus ?? DEFAULT_CPUS[acceleration],
    cpuModel: options.cpuModel ?? 'max',
    memoryBytes: options.memoryBytes ?? GIB,
    boot: await prepareBoot(options.boot, directory),
    disks: await Promise.all((options.disks ?? []).map((disk, index) => prepareDisk(disk, index, directory))),
    network: options.network ?? 'user',
    networkBootUrl: options.networkBootUrl,
    forwards: [...ssh, ...(options.forwards ?? [])],
    smbiosPaths: await writeStrings(smbiosCredentials({ ...key, ...options.credentials }), directory),
    consoleLogPath: options.consoleLogPath ?? '/dev/null',
    onReboot: options.onReboot ?? 'reset',
  };
}

async function prepareBoot(boot: VmBoot, directory: string): Promise<PlannedBoot> {
  if (boot.kind === 'bios') return boot;
  if (boot.kind === 'kernel') return { ...boot, initrdPath: boot.initrdPath };
  const firmware = await findFirmware();
  const variablesPath = boot.variablesPath ?? join(directory, 'variables.fd');
  await copyFile(firmware.variables, variablesPath, constants.COPYFILE_EXCL).catch((cause: unknown) => {
    if (errnoOf(cause) !== 'EEXIST') throw cause;
  });
  return { kind: 'uefi', codePath: firmware.code, variablesPath };
}

async function writeStrings(strings: readonly string[], directory: string): Promise<readonly string[]> {
  return Promise.all(
    strings.map(async (text, index) => {
      const path = join(directory, `smbios-${index}`);
      await writeFile(path, text, { mode: 0o600 });
      return path;
    }),
  );
}

async function connect(process: QemuProcess): Promise<QmpClient> {
  try {
    return await QmpClient.connect(process.control);
  } catch {
    throw await whyNotStarted(process);
  }
}

async function forwardedPorts(qmp: QmpClient): Promise<ReadonlyMap<number, number>> {
  const usernet = await qmp.execute('human-monitor-command', { 'command-line': 'info usernet' });
  return parseForwards(String(usernet));
}
