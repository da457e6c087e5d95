import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A PostgreSQL of its own, in a temporary directory, reached by a socket there: no port is taken. */
export interface PostgresServer extends AsyncDisposable {
  /** URL of a new, empty database. */
  newDatabase(): Promise<string>;
  /** Ends it at once, as a crash does, and starts it again; it recovers what was committed. */
  crash(): Promise<void>;
}

const ARGUMENTS = ['-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'max_connections=100'];

/** Starts Debian's PostgreSQL; as user `postgres` where the tests run as root, which it refuses. */
export async function startPostgres(): Promise<PostgresServer> {
  const binaries = await binDirectory();
  const directory = await mkdtemp(join(tmpdir(), 'slipway-postgres-'));
  const user = process.getuid?.() === 0 ? await postgresUser() : undefined;
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  await run(
    join(binaries, 'initdb'),
    ['-D', join(directory, 'data'), '-U', 'fleet', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
    { ...user, cwd: directory },
  );
  const psql = async (...sql: readonly string[]): Promise<void> => {
    await run(join(binaries, 'psql'), ['-h', directory, '-U', 'fleet', '-d', 'postgres', '-qc', ...sql], {
      cwd: directory,
    });
  };
  const start = async (): Promise<ChildProcess> => {
    const server = spawn(
      join(binaries, 'postgres'),
      [...ARGUMENTS, '-D', join(directory, 'data'), '-k', directory],
      {
        ...user,
        cwd: directory,
        stdio: 'ignore',
      },
    );
    await untilAnswers(() => psql('select 1'), server);
    return server;
  };
  let server = await start();
  let databases = 0;
  return {
    newDatabase: async () => {
      databases += 1;
      await psql(`create database fleet${databases}`);
      return `postgres://fleet@localhost/fleet${databases}?host=${encodeURIComponent(directory)}`;
    },
    crash: async () => {
      await ended(server, 'SIGQUIT');
      server = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await ended(server, 'SIGINT');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function ended(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const end = once(server, 'close');
  server.kill(signal);
  await end;
}

async function binDirectory(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql');
  const newest = versions.toSorted((a, b) => Number(b) - Number(a))[0] ?? '';
  return join('/usr/lib/postgresql', newest, 'bin');
}

async function postgresUser(): Promise<{ readonly uid: number; readonly gid: number }> {
  const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function untilAnswers(
  ask: () => Promise<void>,
  server: { readonly exitCode: number | null },
): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}`);
    try {
      await ask();
      return;
    } catch {
      await sleep(50);
    }
  }
}
