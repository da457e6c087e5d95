/** A fleet server in a process of its own, and an operator. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { ROOT, slipway } from './slipway.ts';

/** The server, and how to ask it. */
export interface TestFleetServer extends AsyncDisposable {
  readonly url: string;
  /** Where it keeps everything. */
  readonly root: string;
  /** The authority its certificate is signed by. */
  readonly caPath: string;
  /** Of its administrator. */
  readonly password: string;
  /** For `slipway fleet …` as one operator, whoever logs in. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts it with everything below a directory. At its end it must end in good order. */
export async function startFleetServer(
  directory: string,
  options: readonly string[] = [],
): Promise<TestFleetServer> {
  const root = join(directory, 'fleet');
  const args = ['fleet', 'serve', '--root', root, '--listen', '127.0.0.1:0', ...options];
  const server = spawn(`${ROOT}/bin/slipway`, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const url = String((await lines.next()).value);
  const password = String((await lines.next()).value).replace(/^.*password /, '');
  return {
    url,
    root,
    caPath: join(root, 'authority.pem'),
    password,
    env: { XDG_CONFIG_HOME: join(directory, 'config') },
    [Symbol.asyncDispose]: async () => {
      const ended = once(server, 'close');
      server.kill('SIGTERM');
      // It lets what is under way end, and ends well.
      expect(await ended).toEqual([0, null]);
    },
  };
}

/** Logs the operator in as the administrator. */
export async function logIn({ url, caPath, password, env }: TestFleetServer): Promise<void> {
  const login = spawn(`${ROOT}/bin/slipway`, ['fleet', 'login', url, '--ca', caPath], {
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
  login.stdin.end(`${password}\n`);
  expect(await once(login, 'close')).toEqual([0, null]);
}

/** A token that lets read. */
export async function viewerToken({ env }: TestFleetServer, name: string): Promise<string> {
  const { stdout } = await slipway(['fleet', 'token', name, '--role', 'viewer'], { env });
  return stdout.toString('utf8').trim();
}
