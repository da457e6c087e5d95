/** A fleet server that is killed under load, again and again, and what must be in its database afterwards. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpsTransport } from '@slipway/agent';
import { FleetClient, FleetProblem } from '@slipway/fleet-api';
import { FleetWriters } from './fleet-writers.ts';
import { ROOT } from './slipway.ts';

/** What became of it. */
export interface KilledFleetResult {
  /** Changes of operators the server had acknowledged before one of the kills, and reports of devices. */
  readonly changes: number;
  readonly reports: number;
  /** Those that were not there afterwards, or not as they were acknowledged; and breaks of the audit log. */
  readonly problems: readonly string[];
}

interface RunningServer {
  readonly process: ChildProcessByStdio<null, Readable, null>;
  readonly url: string;
}

/** A kill falls at a random moment of so long a time under load. */
const LONGEST_LOAD_MS = 500;

/**
 * Starts the server, lets operators and devices write as fast as they get answers, kills it with SIGKILL in the middle, starts it again
 * over the same database, and looks for everything it had acknowledged.
 */
export async function killFleet(
  directory: string,
  kills: number,
  dice: () => number,
): Promise<KilledFleetResult> {
  const root = join(directory, 'fleet');
  const first = await start(root);
  const authority = await readFile(join(root, 'authority.pem'), 'utf8');
  using transport = new HttpsTransport({ authority });
  const secret = await logIn(first.server.url, first.password, transport);
  const clientAt = (url: string): FleetClient =>
    new FleetClient({
      url,
      transport: transport.send,
      headers: () => ({ authorization: `Bearer ${secret}` }),
    });
  const writers = new FleetWriters(authority);
  await writers.prepare(clientAt(first.server.url), first.server.url);
  const problems: string[] = [];
  let { server } = first;
  for (let kill = 0; kill < kills; kill += 1) {
    await writeUntilKilled(server, writers, clientAt(server.url), dice() * LONGEST_LOAD_MS);
    ({ server } = await start(root));
    const found = [
      ...(await writers.missing(clientAt(server.url))),
      ...(await auditOf(clientAt(server.url), writers)),
    ];
    problems.push(...found.map((problem) => `kill ${kill + 1}: ${problem}`));
  }
  problems.push(...(await writers.missing(clientAt(server.url), 'all')));
  const ended = once(server.process, 'close');
  server.process.kill('SIGTERM');
  await ended;
  const { changes, reports } = writers;
  return { changes, reports, problems };
}

/** The address comes first; before the very first start's password. */
async function start(root: string): Promise<{ readonly server: RunningServer; readonly password: string }> {
  const isFirst = (await readFile(join(root, 'authority.pem'), 'utf8').catch(() => '')) === '';
  const args = ['fleet', 'serve', '--root', root, '--listen', '127.0.0.1:0'];
  const child = spawn(`${ROOT}/bin/slipway`, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const url = String((await lines.next()).value);
  const password = isFirst ? String((await lines.next()).value).replace(/^.*password /, '') : '';
  return { server: { process: child, url }, password };
}

async function logIn(url: string, password: string, { send }: HttpsTransport): Promise<string> {
  const client = new FleetClient({ url, transport: send });
  const { secret } = await client.call('sessions.create', { body: { user: 'admin', password } });
  return secret;
}

async function writeUntilKilled(
  server: RunningServer,
  writers: FleetWriters,
  client: FleetClient,
  afterMs: number,
): Promise<void> {
  const closed = once(server.process, 'close');
  const writing = writers.writeUntilGone(client, server.url);
  await sleep(afterMs);
  server.process.kill('SIGKILL');
  await closed;
  await writing;
}

/** Every change that was acknowledged is in the chain, and the chain holds. */
async function auditOf(client: FleetClient, { changes }: FleetWriters): Promise<readonly string[]> {
  try {
    const { intact, records, brokenAt } = await client.call('audit.verify', {});
    if (!intact) return [`the audit log is broken at ${brokenAt}`];
    return records < changes ? [`${records} records of ${changes} changes`] : [];
  } catch (thrown) {
    if (thrown instanceof FleetProblem) return [`the audit log is not readable: ${thrown.message}`];
    throw thrown;
  }
}
