import { SlipwayError } from '@slipway/core';
import { startVm, type Vm } from '@slipway/vm';
import type { CommandContext } from '../command/spec.ts';
import { machineFiles } from './run-files.ts';

/** What `slipway run` was asked for. */
export interface RunInput {
  readonly target: string;
  readonly command: readonly string[];
  readonly ssh: boolean;
  readonly console: boolean;
  readonly memory: number | undefined;
  readonly cpus: number | undefined;
  readonly persist: boolean;
  readonly bios: boolean;
  readonly cache: string | undefined;
}

/** A translated machine with two processors takes a minute; a slow disk some more. */
const WITHIN_MS = 600_000;

/** `slipway run IMAGE|DISK`. */
export async function run(input: RunInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  await using files = await machineFiles(input, operation);
  await using vm = await startVm({
    ...operation,
    boot: files.boot,
    disks: [files.disk],
    ...(files.sshKey === undefined ? {} : { sshKey: files.sshKey }),
    ...(input.memory === undefined ? {} : { memoryBytes: input.memory }),
    ...(input.cpus === undefined ? {} : { cpus: input.cpus }),
  });
  operation.log.info('virtual machine started', { acceleration: vm.acceleration.kind, ssh: vm.hostPort(22) });
  let isOff = false;
  void vm.exited.then(() => {
    isOff = true;
  });
  const exitCode = await useMachine(vm, input, context);
  if (input.persist && !isOff) await endInGoodOrder(vm);
  return exitCode;
}

async function useMachine(vm: Vm, input: RunInput, context: CommandContext): Promise<number> {
  if (input.console) {
    context.operation.log.info('this terminal is the console; Ctrl-] leaves it');
    await vm.console.attach({ input: process.stdin, output: process.stdout });
    return 0;
  }
  const { signal, log } = context.operation;
  await vm.waitForSsh({ withinMs: WITHIN_MS, signal });
  if (input.ssh && input.command.length === 0) return vm.openShell();
  const [program, ...rest] = input.command;
  if (program !== undefined) {
    const result = await vm.ssh([program, ...rest], { signal });
    process.stderr.write(result.stderr);
    context.print(result.stdout);
    return result.exitCode;
  }
  log.info('the machine is up; Ctrl-C ends it', {
    ssh: `ssh -p ${vm.hostPort(22)} -i ${vm.sshKey?.privateKeyPath ?? 'KEY'} root@127.0.0.1`,
  });
  await ended(vm, signal);
  return 0;
}

/** Until the machine switches itself off or the user has enough: both are a good end. */
async function ended(vm: Vm, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([vm.exited, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** What the machine wrote is only kept when its file systems were unmounted. */
async function endInGoodOrder(vm: Vm): Promise<void> {
  try {
    // Also after Ctrl-C, which asked for the end; a second one does not wait for it.
    await vm.powerOff({ withinMs: WITHIN_MS });
  } catch (cause) {
    throw new SlipwayError('VM_FAILED', 'cannot shut the virtual machine down in good order', { cause });
  }
}
