/** A fleet server in a process of its own, and an operator who is logged in. */
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
  /** For `slipway fleet …` as its administrator. */
  readonly env: Readonly<Record<string, string>>;
  /** A token that lets read. */
  viewerToken(name: string): Promise<string>;
}

/** Starts it with everything below a directory, and logs in. At its end it must end in good order. */
export async function startFleetServer(directory: string): Promise<TestFleetServer> {
  const root = join(directory, 'fleet');
  const caPath = join(root, 'authority.pem');
  const env = { XDG_CONFIG_HOME: join(directory, 'config') };
  const args = ['fleet', 'serve', '--root', root, '--listen', '127.0.0.1:0'];
  const server = spawn(`${ROOT}/bin/slipway`, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const url = String((await lines.next()).value);
  const password = String((await lines.next()).value).replace(/^.*password /, '');
  const login = spawn(`${ROOT}/bin/slipway`, ['fleet', 'login', url, '--ca', caPath], {
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
  login.stdin.end(`${password}\n`);
  expect(await once(login, 'close')).toEqual([0, null]);
  return {
    url,
    root,
    caPath,
    env,
    viewerToken: async (name) => {
      const { stdout } = await slipway(['fleet', 'token', name, '--role', 'viewer'], { env });
      return stdout.toString('utf8').trim();
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(server, 'close');
      server.kill('SIGTERM');
      // It lets what is under way end, and ends well.
      expect(await ended).toEqual([0, null]);
    },
  };
}
