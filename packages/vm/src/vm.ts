import { isSlipwayError, SlipwayError } from '@slipway/core';
import type { Acceleration } from './acceleration.ts';
import { BOOT_ID_PATH } from './boot-id.ts';
import type { VmConsole } from './console.ts';
import type { QemuExit, QemuProcess } from './qemu-process.ts';
import type { QmpClient } from './qmp.ts';
import { reachBoot } from './reach.ts';
import { openSharedConnection, type SharedConnection } from './shared-connection.ts';
import {
  copyWithGuest,
  type GuestCommand,
  type GuestResult,
  openShell,
  runInGuest,
  type SshTarget,
} from './ssh.ts';
import type { SshKey } from './ssh-key.ts';

/** What {@link startVm} made. */
export interface VmParts {
  readonly name: string;
  readonly acceleration: Acceleration;
  readonly process: QemuProcess;
  readonly console: VmConsole;
  readonly qmp: QmpClient;
  /** Host port by guest port. */
  readonly ports: ReadonlyMap<number, number>;
  readonly sshKey: SshKey | undefined;
  readonly directory: string;
  readonly resources: AsyncDisposableStack;
}

/** How long to wait, and what may end the wait. */
export interface WaitOptions {
  /** Past it the wait fails with the last lines of the console. */
  readonly withinMs: number;
  readonly signal?: AbortSignal;
}

const SSH_PORT = 22;
const SHOWN_CONSOLE_LINES = 40;

/** A running virtual machine. Disposing of it ends it at once and removes its private files. */
export class Vm implements AsyncDisposable {
  readonly acceleration: Acceleration;
  readonly console: VmConsole;
  readonly qmp: QmpClient;
  /** The key that opens it, for a later machine on the same disk. */
  readonly sshKey: SshKey | undefined;
  /** Settles when the machine has ended. */
  readonly exited: Promise<QemuExit>;
  readonly #parts: VmParts;
  readonly #ended = new AbortController();
  /** Fires at the next reset: what was asked of the system before will not be answered. */
  #reset = new AbortController();
  #shared: SharedConnection | undefined;
  /** What ssh said when it last did not get in, for the error of a wait that fails. */
  #refusal = '';

  /** Made by {@link startVm}. */
  constructor(parts: VmParts) {
    this.#parts = parts;
    this.acceleration = parts.acceleration;
    this.console = parts.console;
    this.qmp = parts.qmp;
    this.sshKey = parts.sshKey;
    this.exited = parts.process.exited;
    void this.exited.then(() => this.#ended.abort());
    void this.#watchResets();
  }

  /**
   * The loopback port of the host that leads to a port of the guest.
   *
   * @throws SlipwayError USAGE when none was forwarded
   */
  hostPort(guestPort: number): number {
    const port = this.#parts.ports.get(guestPort);
    if (port !== undefined) return port;
    throw new SlipwayError(
      'USAGE',
      `cannot reach port ${guestPort} of the virtual machine: it is not forwarded`,
    );
  }

  /**
   * Waits until a command can be run in the guest: the server's banner, then a login. Later commands share one connection.
   *
   * @throws SlipwayError VM_UNREACHABLE past the deadline, VM_FAILED when the machine ends, both with the console's last lines
   */
  async waitForSsh(options: WaitOptions): Promise<void> {
    await this.#within(options, 'become reachable over ssh', (signal) => this.#reachBoot(undefined, signal));
  }

  /** Runs a command as root, whatever its exit code. Throws VM_UNREACHABLE when ssh does not get in. */
  async ssh(
    command: GuestCommand,
    options: { readonly input?: string | Uint8Array; readonly signal?: AbortSignal } = {},
  ): Promise<GuestResult> {
    return runInGuest(this.#target(), command, options);
  }

  /**
   * Runs a command as root that must succeed, and gives what it printed without the last line end.
   *
   * @throws SlipwayError VM_COMMAND_FAILED with all it printed
   */
  async output(
    command: GuestCommand,
    options: { readonly input?: string | Uint8Array; readonly signal?: AbortSignal } = {},
  ): Promise<string> {
    const { stdout, stderr, exitCode } = await this.ssh(command, options);
    if (exitCode === 0) return stdout.replace(/\n$/, '');
    const words = typeof command === 'string' ? command : command.join(' ');
    throw new SlipwayError(
      'VM_COMMAND_FAILED',
      `cannot run in the virtual machine: ${words}: ended with ${exitCode}\n${stderr}${stdout}`.trimEnd(),
      { details: { exitCode } },
    );
  }

  /** Runs a command that takes the guest's system down; that the connection breaks before it answers is no failure. */
  async runLast(command: GuestCommand): Promise<void> {
    await this.ssh(command).catch((cause: unknown) => {
      if (!isSlipwayError(cause, 'VM_UNREACHABLE')) throw cause;
    });
  }

  /** Copies a file or directory into the guest. */
  async copyTo(hostPath: string, guestPath: string, signal?: AbortSignal): Promise<void> {
    await copyWithGuest(this.#target(), hostPath, `guest:${guestPath}`, signal);
  }

  /** Copies a file or directory out of the guest. */
  async copyFrom(guestPath: string, hostPath: string, signal?: AbortSignal): Promise<void> {
    await copyWithGuest(this.#target(), `guest:${guestPath}`, hostPath, signal);
  }

  /** A shell, or a command, on the terminal of this process. Gives its exit code. */
  async openShell(command: readonly string[] = []): Promise<number> {
    return openShell(this.#target(), command);
  }

  /** Names the current boot of the guest; another after each. */
  async bootId(signal?: AbortSignal): Promise<string> {
    return this.output(['cat', BOOT_ID_PATH], signal === undefined ? {} : { signal });
  }

  /**
   * Waits until the guest runs another boot than the given one and can be reached.
   *
   * @returns the new boot's id
   * @throws SlipwayError VM_UNREACHABLE past the deadline, VM_FAILED when the machine ends
   */
  async waitForReboot(previousBootId: string, options: WaitOptions): Promise<string> {
    this.#unshare();
    return await this.#within(options, 'reboot', (signal) => this.#reachBoot(previousBootId, signal));
  }

  /** Asks the guest to reboot in good order and waits until it has. Gives the new boot's id. */
  async reboot(options: WaitOptions): Promise<string> {
    const previous = await this.bootId(options.signal);
    await this.runLast('systemctl reboot || reboot');
    return this.waitForReboot(previous, options);
  }

  /**
   * Waits until the machine has switched itself off.
   *
   * @throws SlipwayError VM_UNREACHABLE past the deadline, VM_FAILED when QEMU broke down
   */
  async waitForPowerOff(options: WaitOptions): Promise<void> {
    this.#unshare();
    const signals = [AbortSignal.timeout(options.withinMs), ...(options.signal ? [options.signal] : [])];
    const exit = await Promise.race([this.exited, abortOf(AbortSignal.any(signals))]);
    options.signal?.throwIfAborted();
    if (exit === undefined) throw this.#failure('VM_UNREACHABLE', `switch off in ${options.withinMs} ms`);
    if (exit.exitCode !== 0) throw this.#failure('VM_FAILED', 'go on: it ended');
  }

  /** Presses the power button and waits until the guest has shut down. */
  async powerOff(options: WaitOptions): Promise<void> {
    await this.qmp.execute('system_powerdown');
    await this.waitForPowerOff(options);
  }

  /** Cuts the power and gives it back: what the guest had not yet written to its disks is lost. */
  async reset(): Promise<void> {
    this.#unshare();
    await this.qmp.execute('system_reset');
  }

  /** Cuts the power. */
  async powerCut(): Promise<void> {
    this.#unshare();
    this.#parts.process.kill();
    await this.exited;
  }

  /** Stops the guest's processors. */
  async pause(): Promise<void> {
    await this.qmp.execute('stop');
  }

  /** Lets the guest's processors run again. */
  async resume(): Promise<void> {
    await this.qmp.execute('cont');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unshare();
    await this.#parts.resources.disposeAsync();
  }

  #target(): SshTarget {
    if (this.sshKey === undefined) {
      throw new SlipwayError('USAGE', 'cannot reach the virtual machine: it was started without ssh');
    }
    return {
      port: this.hostPort(SSH_PORT),
      privateKeyPath: this.sshKey.privateKeyPath,
      directory: this.#parts.directory,
    };
  }

  async #reachBoot(previous: string | undefined, signal: AbortSignal): Promise<string> {
    return reachBoot({
      port: this.hostPort(SSH_PORT),
      bootId: (attempt) => this.#logIn(attempt),
      previous,
      signal,
      nextReset: () => this.#reset.signal,
      onRefusal: (reason) => {
        this.#refusal = reason;
      },
    });
  }

  /** Runs a wait that ends with the deadline, with the machine, or with the caller's signal. */
  async #within<Result>(
    options: WaitOptions,
    what: string,
    body: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const deadline = AbortSignal.timeout(options.withinMs);
    const signals = [deadline, this.#ended.signal, ...(options.signal ? [options.signal] : [])];
    try {
      return await body(AbortSignal.any(signals));
    } catch (cause) {
      options.signal?.throwIfAborted();
      if (this.#ended.signal.aborted) throw this.#failure('VM_FAILED', `${what}: it ended`);
      if (deadline.aborted) throw this.#failure('VM_UNREACHABLE', `${what} in ${options.withinMs} ms`);
      throw cause;
    }
  }

  #failure(code: 'VM_FAILED' | 'VM_UNREACHABLE', what: string): SlipwayError {
    const reasons = [this.#refusal, this.#parts.process.complaints()].filter((reason) => reason !== '');
    const console = this.console.last(SHOWN_CONSOLE_LINES).join('\n').trim();
    return new SlipwayError(
      code,
      [
        `the virtual machine ${this.#parts.name} cannot ${what}`,
        ...reasons,
        `the last its console said:\n${console}`,
      ].join('; '),
    );
  }

  async #watchResets(): Promise<void> {
    for await (const { event } of this.qmp.events()) {
      if (event !== 'RESET') continue;
      this.#reset.abort();
      this.#reset = new AbortController();
    }
  }

  /** Later commands share the login. */
  async #logIn(signal: AbortSignal): Promise<string> {
    this.#unshare();
    this.#shared = await openSharedConnection(this.#target(), signal);
    return this.#shared.bootId;
  }

  #unshare(): void {
    this.#shared?.close();
    this.#shared = undefined;
  }
}

async function abortOf(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  if (signal.aborted) resolve(undefined);
  signal.addEventListener('abort', () => resolve(undefined), { once: true });
  return promise;
}
