import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { errnoOf, SlipwayError } from '@slipway/core';

/** A busy machine; reaching it is a failure. */
const WITHIN_MS = 60_000;
const EACH_MS = 50;

/**
 * Starts an emulated TPM 2.0 that one machine can use, with its state in a directory. It ends with the machine, and with the resources.
 *
 * @returns the path of its control socket
 * @throws SlipwayError TOOL_MISSING when swtpm is not installed, VM_FAILED when it does not come up
 */
export async function startTpm(
  directory: string,
  socketPath: string,
  resources: AsyncDisposableStack,
): Promise<string> {
  await mkdir(directory, { recursive: true });
  const state = ['--tpmstate', `dir=${directory}`, '--ctrl', `type=unixio,path=${socketPath}`];
  const child = spawn('swtpm', ['socket', '--tpm2', ...state, '--terminate'], { stdio: 'ignore' });
  try {
    await once(child, 'spawn');
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw new SlipwayError('TOOL_MISSING', 'cannot give the machine a TPM: swtpm is not installed', {
      hint: 'install it, on Debian: apt-get install swtpm',
      cause,
    });
  }
  const exited = once(child, 'exit');
  resources.defer(async () => {
    child.kill();
    await exited;
  });
  const deadline = Date.now() + WITHIN_MS;
  while (!(await exists(socketPath))) {
    if (child.exitCode !== null || Date.now() > deadline)
      throw new SlipwayError('VM_FAILED', 'cannot give the machine a TPM: swtpm does not come up');
    await pause(EACH_MS);
  }
  return socketPath;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
