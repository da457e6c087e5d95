import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { errnoOf, SlipwayError } from '@slipway/core';
import { BOOT_ID_PATH } from './boot-id.ts';
import { type SshTarget, sshOptions } from './ssh.ts';

/** A login that later commands go through. */
export interface SharedConnection {
  /** Names the boot it leads to. */
  readonly bootId: string;
  /** Ends it. Commands do without it then. */
  close(): void;
}

/**
 * Logs in and asks which boot it is, and stays logged in: a handshake and a session cost a translated guest seconds, so there is one of
 * them for each boot. A child of ours and not a background process of ssh, so that it ends with the machine.
 *
 * @throws SlipwayError VM_UNREACHABLE with the words of ssh when it does not get in, ABORTED when the signal fires first, TOOL_MISSING
 */
export async function openSharedConnection(
  target: SshTarget,
  signal: AbortSignal,
): Promise<SharedConnection> {
  const options = sshOptions(target).map((option) =>
    option === 'ControlMaster=no' ? 'ControlMaster=yes' : option,
  );
  // ssh listens for those who share before it runs anything: once the id is here, the others can come. `cat` ends with its input.
  const remote = `cat ${BOOT_ID_PATH} && exec cat`;
  const child = spawn('ssh', [...options, '-p', String(target.port), 'root@127.0.0.1', remote]);
  const close = (): void => void child.kill();
  signal.addEventListener('abort', close, { once: true });
  try {
    return { bootId: await firstLine(child, signal), close };
  } catch (cause) {
    close();
    throw cause;
  } finally {
    signal.removeEventListener('abort', close);
  }
}

async function firstLine(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  signal: AbortSignal,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = '';
  let complaint = '';
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString('utf8');
  });
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
    if (said.includes('\n')) resolve(said.slice(0, said.indexOf('\n')));
  });
  child.once('error', (cause) => reject(errnoOf(cause) === 'ENOENT' ? sshMissing(cause) : cause));
  child.once('close', () =>
    reject(
      signal.aborted
        ? new SlipwayError('ABORTED', 'cannot log in to the virtual machine: it was called off')
        : new SlipwayError('VM_UNREACHABLE', `cannot reach the virtual machine: ${complaint.trim()}`),
    ),
  );
  return await promise;
}

function sshMissing(cause: Error): SlipwayError {
  return new SlipwayError('TOOL_MISSING', 'cannot log in to the virtual machine: ssh is not installed', {
    hint: 'install it, on Debian: apt-get install openssh-client',
    cause,
  });
}
