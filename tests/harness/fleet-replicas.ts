/** Servers of one fleet in processes of their own, over one database. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpsTransport } from '@slipway/agent';
import { FleetClient, type Transport } from '@slipway/fleet-api';
import { ROOT } from './slipway.ts';

interface Replica {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  readonly url: string;
  /** The end of what it wrote to its log. */
  readonly lastWords: () => string;
}

const LAST_WORDS = 2000;

const PAUSE_MS = 200;

/** Any number of servers, of which any may be killed, and what a load balancer is to their clients. */
export class FleetReplicas implements AsyncDisposable {
  readonly authority: string;
  readonly #running: Replica[];
  readonly #admin: HttpsTransport;
  #session = '';
  #clients = 0;

  private constructor(authority: string, running: Replica[]) {
    this.authority = authority;
    this.#running = running;
    this.#admin = new HttpsTransport({ authority });
  }

  /** Starts one after another, each with a directory of its own, on an empty database. */
  static async start(directory: string, database: string, count: number): Promise<FleetReplicas> {
    const roots = Array.from({ length: count }, (_, number) => join(directory, `replica-${number}`));
    const [firstRoot = '', ...otherRoots] = roots;
    const { replica, lines } = await startReplica(firstRoot, database);
    const password = String((await lines.next()).value).replace(/^.*password /, '');
    const others = await Promise.all(otherRoots.map(async (root) => await startReplica(root, database)));
    const authority = await readFile(join(firstRoot, 'authority.pem'), 'utf8');
    const replicas = new FleetReplicas(authority, [replica, ...others.map((other) => other.replica)]);
    await replicas.#logIn(password);
    return replicas;
  }

  get urls(): readonly string[] {
    return this.#running.map(({ url }) => url);
  }

  /** An administrator who asks again until there is an answer: what is asked must be harmless to do twice. */
  get admin(): FleetClient {
    const headers = () => ({ authorization: `Bearer ${this.#session}` });
    return new FleetClient({
      url: '',
      transport: this.#untilAnswered(this.balanced(this.#admin.send)),
      headers,
    });
  }

  /**
   * What a load balancer does for one client: each is sent to a server, and to another when that one is gone. What was under way then has
   * failed, as it does behind a real one.
   */
  balanced(transport: Transport): Transport {
    let at = this.#clients++;
    let replica: Replica | undefined;
    return async (request) => {
      if (replica === undefined || !this.#running.includes(replica))
        replica = this.#running[at++ % this.#running.length];
      const { pathname, search } = new URL(request.url, 'https://fleet');
      return await transport({ ...request, url: `${replica?.url}${pathname}${search}` });
    };
  }

  /** One of them is gone from one moment to the next. */
  async kill(): Promise<void> {
    const replica = this.#running.pop();
    if (replica === undefined) throw new Error('no server is left');
    const ended = once(replica.process, 'close');
    replica.process.kill('SIGKILL');
    await ended;
  }

  #untilAnswered(transport: Transport): Transport {
    return async (request) => {
      for (;;) {
        const response = await transport(request).catch(() => undefined);
        if (response !== undefined && response.status < 500) return response;
        this.#checkThatAllRun();
        await sleep(PAUSE_MS);
      }
    };
  }

  #checkThatAllRun(): void {
    const ended = this.#running.find(({ process }) => process.exitCode !== null);
    if (ended !== undefined) throw new Error(`the server ${ended.url} ended by itself: ${ended.lastWords()}`);
  }

  async #logIn(password: string): Promise<void> {
    const { secret } = await this.admin.call('sessions.create', { body: { user: 'admin', password } });
    this.#session = secret;
  }

  /** Those that were not killed end, and end well. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#admin[Symbol.dispose]();
    await Promise.all(
      this.#running.map(async ({ process, url }) => {
        if (process.exitCode !== null)
          throw new Error(`the server ${url} ended by itself with ${process.exitCode}`);
        const ended = once(process, 'close');
        process.kill('SIGTERM');
        const [code] = await ended;
        if (code !== 0) throw new Error(`the server ${url} was told to end, and ended with ${code}`);
      }),
    );
  }
}

async function startReplica(
  root: string,
  database: string,
): Promise<{ readonly replica: Replica; readonly lines: AsyncIterator<string> }> {
  const args = ['fleet', 'serve', '--root', root, '--database', database, '--listen', '127.0.0.1:0'];
  const process = spawn(`${ROOT}/bin/slipway`, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  process.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (words = (words + text).slice(-LAST_WORDS)));
  const lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();
  const url = String((await lines.next()).value);
  return { replica: { process, url, lastWords: () => words }, lines };
}
