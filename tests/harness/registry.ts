/**
 * Debian's docker-registry on the loopback: the real thing, on a port the kernel chose, gone with its owner. Blobs can be harmed on
 * its disk, to see what a client makes of a registry that lies.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, rm, truncate, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { awaitedLine } from './awaited-line.ts';

/** The host as a virtual machine with user networking sees it. */
export const HOST_SEEN_BY_GUEST = '10.0.2.2';

/** What a registry asks of its clients. */
export interface RegistryOptions {
  /** Asks for this name and password. */
  readonly credentials?: { readonly username: string; readonly password: string };
  /** Speaks TLS, with a certificate nobody knows; `caPath` is what to trust. */
  readonly tls?: boolean;
  /** Address of another registry: what this one does not have it pulls from there, and takes no pushes. */
  readonly mirrorOf?: string;
  /** Where images are kept. Default: a temporary directory, removed at the end. */
  readonly storage?: string;
}

/** A running registry. */
export interface TestRegistry extends AsyncDisposable {
  readonly scheme: 'http' | 'https';
  /** `127.0.0.1:PORT`, as it stands in an image reference. */
  readonly hostPort: string;
  /** The same registry from inside a virtual machine. */
  readonly guestHostPort: string;
  /** Certificate that makes TLS trusted. */
  readonly caPath: string | undefined;
  /** Its key. */
  readonly keyPath: string | undefined;
  /** File of a blob, by digest `sha256:…`. */
  blobPath(digest: string): string;
  /** Removes a blob's file; the registry still lists it in manifests. */
  deleteBlob(digest: string): Promise<void>;
  /** Flips every bit of one byte of a blob, counted from its end where negative. */
  corruptBlob(digest: string, offset?: number): Promise<void>;
  /** Cuts a blob short. */
  truncateBlob(digest: string, sizeBytes: number): Promise<void>;
  /** What it logged lately. */
  log(): string;
}

/** Starts a registry and waits until it answers. */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  await using resources = new AsyncDisposableStack();
  const directory = resources.use(await makeTempDir('registry')).path;
  const storage = options.storage ?? join(directory, 'storage');
  await mkdir(storage, { recursive: true });
  const tls = options.tls === true ? await makeCertificate(directory) : undefined;
  const config = join(directory, 'config.json');
  await writeFile(config, JSON.stringify(await configuration(options, { storage, directory, tls })));

  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'docker-registry', 'serve', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  resources.defer(() => stop(child));
  const { log, port } = await listen(child);
  const scheme = options.tls === true ? 'https' : 'http';
  await answer(`${scheme}://127.0.0.1:${port}/v2/`);

  const owned = resources.move();
  const blobPath = (digest: string): string => pathOfBlob(storage, digest);
  return {
    scheme,
    hostPort: `127.0.0.1:${port}`,
    guestHostPort: `${HOST_SEEN_BY_GUEST}:${port}`,
    caPath: tls?.certificate,
    keyPath: tls?.key,
    blobPath,
    deleteBlob: (digest) => rm(blobPath(digest)),
    corruptBlob: (digest, offset = 0) => flipByte(blobPath(digest), offset),
    truncateBlob: (digest, sizeBytes) => truncate(blobPath(digest), sizeBytes),
    log: () => log.join('\n'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A configuration file is YAML, of which JSON is a part. */
async function configuration(
  options: RegistryOptions,
  places: {
    readonly storage: string;
    readonly directory: string;
    readonly tls: ServerCertificate | undefined;
  },
): Promise<unknown> {
  const { storage, directory, tls } = places;
  const passwords = join(directory, 'htpasswd');
  if (options.credentials !== undefined) await writeFile(passwords, await htpasswdLine(options.credentials));
  const auth = { htpasswd: { realm: 'test', path: passwords } };
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0', secret: 'test', ...(tls === undefined ? {} : { tls }) },
    ...(options.mirrorOf === undefined ? {} : { proxy: { remoteurl: options.mirrorOf } }),
    ...(options.credentials === undefined ? {} : { auth }),
  };
}

/** The registry takes bcrypt only; the C library's crypt has it, and Perl, which every Debian has, reaches it. */
async function htpasswdLine(credentials: { username: string; password: string }): Promise<string> {
  const script = 'print crypt($ENV{PASSWORD}, q($2y$05$abcdefghijklmnopqrstuv))';
  const { stdout } = await run(['perl', '-e', script], {
    describe: 'hash a password',
    env: { PASSWORD: credentials.password },
  });
  return `${credentials.username}:${stdout.toString('utf8')}\n`;
}

/** Files of a server that speaks TLS. */
export interface ServerCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate that vouches for itself, for the host and as the guest names it. */
export async function makeCertificate(directory: string): Promise<ServerCertificate> {
  const [certificate, key] = [join(directory, 'tls.crt'), join(directory, 'tls.key')];
  const names = `subjectAltName=IP:127.0.0.1,IP:${HOST_SEEN_BY_GUEST},DNS:localhost`;
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', key];
  const subject = ['-nodes', '-days', '2', '-subj', '/CN=slipway test registry', '-addext', names];
  await run(['openssl', 'req', '-x509', ...made, ...subject, '-out', certificate], {
    describe: 'make a certificate',
  });
  return { certificate, key };
}

/** Waits for the line that names the port; the registry asked the kernel for a free one. */
async function listen(
  child: ChildProcess,
): Promise<{ readonly log: readonly string[]; readonly port: number }> {
  const pattern = /listening on 127\.0\.0\.1:(?<port>\d+)/;
  const { match, log } = await awaitedLine(child, pattern, 'docker-registry');
  return { port: Number(match.groups?.['port']), log };
}

/** Any answer will do: with credentials asked for it is 401. */
async function answer(url: string): Promise<void> {
  const request = url.startsWith('https:')
    ? httpsRequest(url, { rejectUnauthorized: false })
    : httpRequest(url);
  request.end();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  request.once('response', (response) => {
    response.resume();
    resolve();
  });
  request.once('error', reject);
  await promise;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}

function pathOfBlob(storage: string, digest: string): string {
  const hex = /^sha256:(?<hex>[0-9a-f]{64})$/.exec(digest)?.groups?.['hex'];
  if (hex === undefined) throw new Error(`not a digest: ${digest}`);
  return join(storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
}

async function flipByte(path: string, offset: number): Promise<void> {
  await using file = await open(path, 'r+');
  const position = offset < 0 ? (await file.stat()).size + offset : offset;
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  byte.writeUInt8(byte.readUInt8() ^ 0xff);
  await file.write(byte, 0, 1, position);
}
