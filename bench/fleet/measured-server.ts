import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpsTransport } from '@slipway/agent';
import { FleetClient } from '@slipway/fleet-api';

/** A server in a process of its own, as a user starts it, and what the kernel says about the process. */
export interface MeasuredServer extends AsyncDisposable {
  readonly url: string;
  readonly authority: string;
  /** Logged in as the administrator. */
  readonly admin: FleetClient;
  readonly measure: () => Promise<Measure>;
}

/** What a process has used since it began. */
export interface Measure {
  readonly cpuMs: number;
  /** At its most. */
  readonly rssBytes: number;
  /** What it had written to disks. */
  readonly diskBytes: number;
}

/** Clock ticks of `/proc`, the same on every Linux there is. */
const TICK_MS = 10;

export async function startMeasuredServer(root: string, database?: string): Promise<MeasuredServer> {
  const slipway = join(import.meta.dirname, '../../bin/slipway');
  const args = ['fleet', 'serve', '--root', root, '--listen', '127.0.0.1:0'];
  if (database !== undefined) args.push('--database', database);
  const server = spawn(slipway, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const url = String((await lines.next()).value);
  const password = String((await lines.next()).value).replace(/^.*password /, '');
  const authority = await written(join(root, 'authority.pem'));
  const transport = new HttpsTransport({ authority });
  const { secret } = await new FleetClient({ url, transport: transport.send }).call('sessions.create', {
    body: { user: 'admin', password },
  });
  return {
    url,
    authority,
    admin: new FleetClient({
      url,
      transport: transport.send,
      headers: () => ({ authorization: `Bearer ${secret}` }),
    }),
    measure: () => measureOf(server.pid ?? 0),
    [Symbol.asyncDispose]: async () => {
      transport[Symbol.dispose]();
      const ended = once(server, 'close');
      server.kill('SIGTERM');
      await ended;
    },
  };
}

/** The file is written before the address is said. */
async function written(path: string): Promise<string> {
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.endsWith('-----END CERTIFICATE-----\n') || text.endsWith('-----END CERTIFICATE-----'))
      return text;
    await sleep(20);
  }
}

async function measureOf(pid: number): Promise<Measure> {
  const [stat, status, io] = await Promise.all(
    ['stat', 'status', 'io'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
  );
  // After the name in parentheses, which may hold spaces: state is field 3, utime 14, stime 15.
  const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    rssBytes: numberOf(status, /VmHWM:\s+(?<value>\d+)/) * 1024,
    diskBytes: numberOf(io, /^write_bytes: (?<value>\d+)/m),
  };
}

function numberOf(text: string | undefined, pattern: RegExp): number {
  return Number(pattern.exec(text ?? '')?.groups?.['value'] ?? 0);
}
