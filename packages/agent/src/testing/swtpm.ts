import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 60_000;

/** A TPM 2.0 played by swtpm. */
export interface TestTpm extends AsyncDisposable {
  /** How tpm2-tools reach it. */
  readonly tcti: string;
}

/** Switches on the TPM whose state is in a directory; a new one where there is none. */
export async function startTestTpm(directory: string): Promise<TestTpm> {
  const [state, socket] = [join(directory, 'state'), join(directory, 's')];
  await mkdir(state, { recursive: true });
  // The tools look for its control beside it.
  const sockets = ['--server', `type=unixio,path=${socket}`, '--ctrl', `type=unixio,path=${socket}.ctrl`];
  const how = ['--tpmstate', `dir=${state}`, '--flags', 'not-need-init,startup-clear'];
  const child = spawn('swtpm', ['socket', '--tpm2', ...how, ...sockets], { stdio: 'ignore' });
  const ended = once(child, 'close');
  const endMs = Date.now() + PATIENCE_MS;
  while (!(await isThere(`${socket}.ctrl`))) {
    if (child.exitCode !== null || Date.now() > endMs) throw new Error('swtpm does not come up');
    await sleep(20);
  }
  return {
    tcti: `swtpm:path=${socket}`,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await ended;
    },
  };
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
