import { execFile, spawn } from 'node:child_process';
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
}

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
  const server = spawn(
    join(binaries, 'postgres'),
    [
      '-D',
      join(directory, 'data'),
      '-k',
      directory,
      '-c',
      'listen_addresses=',
      '-c',
      'fsync=off',
      '-c',
      'max_connections=60',
    ],
    { ...user, cwd: directory, stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
  const psql = async (...sql: readonly string[]): Promise<void> => {
    await run(join(binaries, 'psql'), ['-h', directory, '-U', 'fleet', '-d', 'postgres', '-qc', ...sql], {
      cwd: directory,
    });
  };
  await untilAnswers(() => psql('select 1'), server);
  let databases = 0;
  return {
    newDatabase: async () => {
      databases += 1;
      await psql(`create database fleet${databases}`);
      return `postgres://fleet@localhost/fleet${databases}?host=${encodeURIComponent(directory)}`;
    },
    [Symbol.asyncDispose]: async () => {
      server.kill('SIGINT');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
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
