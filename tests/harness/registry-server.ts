/** `slipway registry serve` as a process of its own, the way a user runs it: it can be stopped in good order, or killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { run } from '@slipway/core';
import { ROOT } from './slipway.ts';

/** A running `slipway registry serve`. */
export interface RegistryProcess extends AsyncDisposable {
  readonly url: string;
  /** `127.0.0.1:PORT`, as it stands in an image reference. */
  readonly hostPort: string;
  /** SIGTERM; answers with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** What it said on standard error. */
  log(): string;
}

/** Starts it and waits until it says where it listens. */
export async function serveRegistryProcess(
  root: string,
  args: readonly string[] = [],
): Promise<RegistryProcess> {
  const slipway = [
    `${ROOT}/bin/slipway`,
    'registry',
    'serve',
    '--root',
    root,
    '--listen',
    '127.0.0.1:0',
    ...args,
  ];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...slipway], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const log: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  const url = await Promise.race([firstLine(child), closed.then(() => undefined)]);
  if (url === undefined) throw new Error(`slipway registry serve ended:\n${log.join('\n')}`);
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    const [code] = await closed;
    return code;
  };
  return {
    url,
    hostPort: new URL(url).host,
    stop: () => end('SIGTERM'),
    async kill() {
      await end('SIGKILL');
    },
    log: () => log.join('\n'),
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
    },
  };
}

/** Lets a user push, or do what `options` of `slipway registry passwd` leave. */
export async function addRegistryUser(
  users: string,
  name: string,
  password: string,
  ...options: readonly string[]
): Promise<void> {
  await run([`${ROOT}/bin/slipway`, 'registry', 'passwd', '--users', users, ...options, name], {
    describe: 'set a password',
    input: `${password}\n`,
  });
}

async function firstLine(child: ChildProcess): Promise<string | undefined> {
  if (child.stdout === null) return undefined;
  for await (const line of createInterface({ input: child.stdout })) return line;
  return undefined;
}
