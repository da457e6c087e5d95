import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { run, SlipwayError } from '@slipway/core';

/** What to run in a guest: an argument array, or a script for `sh -eu`. */
export type GuestCommand = readonly [string, ...string[]] | string;

/** What a command in a guest left behind. */
export interface GuestResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** How one machine is reached. */
export interface SshTarget {
  readonly port: number;
  readonly privateKeyPath: string;
  /** Where the socket of a shared connection stands; private to this user. */
  readonly directory: string;
}

/** ssh's own exit code when it could not reach or enter the machine. */
const SSH_FAILED = 255;
const EVERY_EXIT_CODE: readonly number[] = Array.from({ length: 256 }, (_, code) => code);

/** Path of a Unix socket is 107 bytes at most, and ssh adds 17 while it makes one. */
const MAX_SOCKET_PATH_BYTES = 90;

/**
 * Options every use of ssh shares. Nothing of the user's own configuration counts. The guest's host key is not checked:
 * the connection never leaves this machine, and each first boot makes a new key.
 */
export function sshOptions(target: SshTarget): readonly string[] {
  const socket = join(target.directory, 'ssh');
  const shared = Buffer.byteLength(socket) > MAX_SOCKET_PATH_BYTES ? 'none' : socket;
  const options: readonly (readonly string[])[] = [
    ['BatchMode=yes', 'IdentitiesOnly=yes', `IdentityFile=${target.privateKeyPath}`],
    ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'GlobalKnownHostsFile=/dev/null'],
    ['LogLevel=ERROR', 'ConnectTimeout=10', 'ServerAliveInterval=15', 'ServerAliveCountMax=8'],
    ['ControlMaster=no', `ControlPath=${shared}`],
  ];
  return ['-F', '/dev/null', ...options.flat().flatMap((option) => ['-o', option])];
}

/**
 * The whole command line that runs something in the guest. A shell stays above it: for a command that a signal killed, ssh itself
 * would answer 255, as if it had not got in; the shell says 128 plus the signal's number.
 */
export function sshCommand(target: SshTarget, command: GuestCommand): readonly [string, ...string[]] {
  const argv = typeof command === 'string' ? ['sh', '-euc', command] : command;
  const remote = ['sh', '-c', '"$@"; exit "$?"', 'sh', ...argv];
  return ['ssh', ...sshOptions(target), '-p', String(target.port), 'root@127.0.0.1', quoteForShell(remote)];
}

/** An argument array as one line of shell: ssh joins its arguments with blanks and lets the guest's shell split them. */
export function quoteForShell(argv: readonly string[]): string {
  return argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}

/**
 * Runs a command in the guest as root.
 *
 * @throws SlipwayError VM_UNREACHABLE when ssh does not get in (or the command itself ends with 255), ABORTED
 */
export async function runInGuest(
  target: SshTarget,
  command: GuestCommand,
  options: { readonly input?: string | Uint8Array; readonly signal?: AbortSignal } = {},
): Promise<GuestResult> {
  const result = await run(sshCommand(target, command), {
    describe: 'run a command in the virtual machine',
    debianPackage: 'openssh-client',
    allowExitCodes: EVERY_EXIT_CODE,
    ...options,
  });
  if (result.exitCode === SSH_FAILED) {
    throw new SlipwayError('VM_UNREACHABLE', `cannot reach the virtual machine: ${result.stderr.trim()}`);
  }
  return { stdout: result.stdout.toString('utf8'), stderr: result.stderr, exitCode: result.exitCode };
}

/** Copies a file or directory, with modes and times, in either direction; a guest path starts with `guest:`. */
export async function copyWithGuest(
  target: SshTarget,
  from: string,
  to: string,
  signal?: AbortSignal,
): Promise<void> {
  const place = (path: string): string =>
    path.startsWith('guest:')
      ? `root@127.0.0.1:${path.slice('guest:'.length)}`
      : path.replace(/^(?![./])/, './');
  await run(
    ['scp', ...sshOptions(target), '-q', '-r', '-p', '-P', String(target.port), place(from), place(to)],
    {
      describe: `copy ${from} to ${to}`,
      debianPackage: 'openssh-client',
      ...(signal === undefined ? {} : { signal }),
    },
  );
}

/** Starts an interactive shell, or a command, on this terminal and waits for its end. */
export async function openShell(target: SshTarget, command: readonly string[] = []): Promise<number> {
  const remote = command.length === 0 ? [] : [quoteForShell(command)];
  const port = String(target.port);
  const child = spawn('ssh', [...sshOptions(target), '-t', '-p', port, 'root@127.0.0.1', ...remote], {
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? SSH_FAILED));
  });
}

/** Whether an ssh server says its name at a port of the loopback. */
export async function hasSshBanner(port: number, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const giveUp = (): void => resolve(false);
  socket.setTimeout(timeoutMs, giveUp);
  socket.once('data', (chunk: Buffer) => resolve(chunk.subarray(0, 4).toString('latin1') === 'SSH-'));
  socket.once('error', giveUp).once('close', giveUp);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', giveUp);
    socket.destroy();
  }
}
