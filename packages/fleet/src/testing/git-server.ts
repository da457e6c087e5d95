import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { makeTempDir, systemClock } from '@slipway/core';
import { Authority } from '../authority/authority.ts';
import { openDatabase } from '../database/database.ts';

const run = promisify(execFile);
const HOUR_MS = 3_600_000;

/** A git server on the loopback, by git's own `http-backend`, over TLS. */
export interface GitServer extends AsyncDisposable {
  readonly url: string;
  /** Certificate to check it with, PEM. */
  readonly authority: string;
  /** Where it keeps the working tree; for git commands of tests. */
  readonly directory: string;
  /** Authorization of every request, as it came. */
  readonly authorizations: Set<string>;
  /** Answers before git does, where it returns true. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  git(...args: readonly string[]): Promise<string>;
  /** Writes a tree from lines of `git ls-tree`; its name. */
  makeTree(lines: string): Promise<string>;
  /** Makes a commit that holds these files and nothing else; `-> TARGET` is a symbolic link. */
  commit(files: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string>;
}

export async function startGitServer(): Promise<GitServer> {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(await makeTempDir('git-server'));
  await using database = await openDatabase(join(path, 'authority.db'));
  const authority = await Authority.open(database, systemClock);
  const { certificate, key } = await authority.issueServer(['127.0.0.1', 'localhost'], HOUR_MS);
  const work = join(path, 'work');
  const git = async (...args: readonly string[]): Promise<string> => {
    const who = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org'];
    const env = { ...process.env, HOME: path, GIT_CONFIG_NOSYSTEM: '1' };
    return (await run('git', [...who, '-C', work, ...args], { env })).stdout.trim();
  };
  await mkdir(work);
  await git('init', '--quiet', '--initial-branch=main');
  const authorizations = new Set<string>();
  const served: GitServer = {
    url: '',
    authority: authority.certificate,
    directory: work,
    authorizations,
    intercept: () => false,
    git,
    makeTree: async (lines) => {
      const making = run('git', ['-C', work, 'mktree']);
      making.child.stdin?.end(lines);
      return (await making).stdout.trim();
    },
    commit: async (files, ...args) => {
      await git('rm', '-r', '--quiet', '--ignore-unmatch', '.');
      for (const [name, text] of Object.entries(files)) {
        const file = join(work, name);
        await mkdir(dirname(file), { recursive: true });
        await rm(file, { force: true });
        if (text.startsWith('-> ')) await symlink(text.slice(3), file);
        else await writeFile(file, text);
      }
      await git('add', '--all', '--force');
      await git('commit', '--quiet', '--allow-empty', '--message=change', ...args);
      return await git('rev-parse', 'HEAD');
    },
    [Symbol.asyncDispose]: async () => await running.disposeAsync(),
  };
  const server = createServer({ cert: certificate, key }, (request, response) => {
    authorizations.add(request.headers.authorization ?? '');
    if (!served.intercept(request, response)) backend(path, request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  resources.defer(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  const running = resources.move();
  return Object.assign(served, { url: `https://127.0.0.1:${port}/work/.git` });
}

/** CGI (RFC 3875): the request in the environment, the answer with its headers on standard output. */
function backend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'https://localhost');
  const child = spawn('git', ['http-backend'], {
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REQUEST_METHOD: request.method,
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: request.headers['content-length'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined);
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.once('close', () => {
    const answer = Buffer.concat(chunks);
    const end = answer.indexOf('\r\n\r\n');
    const headers = answer
      .toString('latin1', 0, end)
      .split('\r\n')
      .map((line): readonly [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      });
    const status = Number(headers.find(([name]) => name === 'status')?.[1].slice(0, 3) ?? 200);
    response.writeHead(status, Object.fromEntries(headers.filter(([name]) => name !== 'status')));
    response.end(answer.subarray(end + 4));
  });
}
