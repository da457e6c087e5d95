import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex, Readable, Writable } from 'node:stream';
import { errnoOf, SlipwayError } from '@slipway/core';
import { QMP_FD } from './plan-qemu.ts';

/** How QEMU ended. */
export interface QemuExit {
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

/** A QEMU that was started, with its ends of the pipes. */
export interface QemuProcess {
  readonly consoleInput: Writable;
  readonly consoleOutput: Readable;
  readonly control: Duplex;
  /** Settles once it has ended; never rejects. */
  readonly exited: Promise<QemuExit>;
  /** What it complained about. */
  complaints(): string;
  /** Ends it at once, as a power cut would. */
  kill(): void;
}

const KEPT_COMPLAINT_CHARACTERS = 16 * 1024;

/**
 * Starts QEMU. On Linux it dies with this process however that ends: nobody finds a forgotten machine eating a processor.
 *
 * @throws SlipwayError TOOL_MISSING when QEMU is not installed
 */
export async function spawnQemu(argv: readonly [string, ...string[]]): Promise<QemuProcess> {
  const leash = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
  const [program = '', ...args] = [...leash, ...argv];
  // A process group of its own: Ctrl-C on the terminal is for this process to answer, not a power cut of the guest.
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe', 'pipe'], detached: true });
  try {
    await once(child, 'spawn');
  } catch (cause) {
    throw errnoOf(cause) === 'ENOENT' ? missing(program, cause) : cause;
  }
  const [consoleInput, consoleOutput, errors, control] = child.stdio;
  if (
    !(consoleInput instanceof Writable && consoleOutput instanceof Readable && errors instanceof Readable)
  ) {
    throw new SlipwayError('INTERNAL', 'internal error: QEMU was started without its pipes');
  }
  if (!(control instanceof Duplex)) {
    throw new SlipwayError('INTERNAL', `internal error: descriptor ${QMP_FD} of QEMU is no socket`);
  }
  let complaints = '';
  errors.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-KEPT_COMPLAINT_CHARACTERS);
  });
  return {
    consoleInput,
    consoleOutput,
    control,
    exited: exitOf(child),
    complaints: () => complaints.trim(),
    kill: () => void child.kill('SIGKILL'),
  };
}

async function exitOf(child: ChildProcess): Promise<QemuExit> {
  const { promise, resolve } = Promise.withResolvers<QemuExit>();
  child.once('close', (code, signal) =>
    resolve({ exitCode: code ?? undefined, signal: signal ?? undefined }),
  );
  return promise;
}

/** Why QEMU ended before it said hello. */
export async function whyNotStarted(process: QemuProcess): Promise<SlipwayError> {
  process.kill();
  const { exitCode } = await process.exited;
  // What the leash answers when the program behind it is not there.
  if (exitCode === 127) return missing('qemu-system-x86_64', undefined);
  return new SlipwayError('VM_FAILED', `cannot start the virtual machine: ${process.complaints()}`);
}

function missing(program: string, cause: unknown): SlipwayError {
  return new SlipwayError('TOOL_MISSING', `cannot start the virtual machine: ${program} is not installed`, {
    hint: 'install it, on Debian: apt-get install qemu-system-x86',
    details: { program },
    cause,
  });
}
