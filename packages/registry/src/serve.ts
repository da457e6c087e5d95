import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, isIPv6 } from 'node:net';
import { type Logger, messageOf, type OperationOptions, SlipwayError, silentLog } from '@slipway/core';
import { type AuthPolicy, Gate } from './auth/gate.ts';
import { UsersFile } from './auth/users-file.ts';
import { type HandlerOptions, handle } from './handle.ts';
import { Exchange, type Patience } from './http/exchange.ts';
import { DEFAULT_PATIENCE, expireUploads, FAREWELL_MS, MAX_BLOB_BYTES } from './open.ts';
import { Store } from './store/store.ts';

/** How a registry is served. */
export interface ServeRegistryOptions extends Pick<OperationOptions, 'signal' | 'log'> {
  /** Directory of the registry: an OCI layout, made when it is empty or missing. */
  readonly root: string;
  /** Address to listen on. Default: the loopback, where only this machine reaches it. */
  readonly host?: string;
  /** 0: one that is free. */
  readonly port: number;
  /** Certificate chain and key, PEM. Without them it speaks plain HTTP. */
  readonly tls?: { readonly certificate: string | Buffer; readonly key: string | Buffer };
  /** Without it everybody who reaches the registry may do everything. */
  readonly auth?: {
    /** Lines `NAME:HASH[:pull]`; read again when it changes. */
    readonly usersFile: string;
    /** Everybody may pull; users push. */
    readonly anonymousPull?: boolean;
  };
  /** Nothing can be pushed or deleted, and nothing is written. */
  readonly readOnly?: boolean;
  /** `https://host[:port]` clients reach it at, where a proxy stands before it. */
  readonly publicUrl?: string;
  /** Largest blob that is taken. Default: 64 GiB. */
  readonly maxBlobBytes?: number;
  readonly patience?: Partial<Patience>;
}

/** A running registry; disposing of it lets requests under way end, for a short while. */
export interface RegistryServer extends AsyncDisposable {
  /** `http://127.0.0.1:5000` */
  readonly url: string;
  /** `127.0.0.1:5000`, as it stands in an image reference. */
  readonly hostPort: string;
}

const MAX_CONNECTIONS = 4096;

const HTTP: ServerOptions = {
  // Bodies may take long; `Exchange` watches that they move.
  requestTimeout: 0,
  headersTimeout: 30_000,
  keepAliveTimeout: 75_000,
  maxHeaderSize: 32_768,
  // A second opinion on where a request ends is how requests are smuggled past proxies.
  insecureHTTPParser: false,
};

/**
 * Serves the repositories of a directory by the OCI distribution specification 1.1, with all that is optional in it.
 *
 * The directory stays an OCI layout: `oci:ROOT:REPOSITORY:TAG` is readable by every tool, and images other tools write into it
 * under such names are served. What a power cut leaves is said where it is written: `store/`.
 *
 * @throws SlipwayError REGISTRY_LISTEN_FAILED, REGISTRY_TLS_INVALID, REGISTRY_USERS_INVALID, OCI_LAYOUT_INVALID
 */
export async function serveRegistry(options: ServeRegistryOptions): Promise<RegistryServer> {
  options.signal?.throwIfAborted();
  const log = options.log ?? silentLog;
  const policy = await authPolicy(options);
  await using resources = new AsyncDisposableStack();
  const store = resources.use(await openStore(options, log));
  const server = makeServer(options);
  resources.defer(() => close(server));
  if (options.readOnly !== true) resources.use(expireUploads(store, log));
  answerRequests(server, options, { store, log, gate: new Gate(policy, options.publicUrl) });
  await listen(server, options);
  return running(server, options, resources.move());
}

async function openStore({ root, readOnly }: ServeRegistryOptions, log: Logger): Promise<Store> {
  return readOnly === true ? await Store.openReadOnly(root, log) : await Store.open(root, log);
}

async function authPolicy({ auth }: ServeRegistryOptions): Promise<AuthPolicy> {
  if (auth === undefined) return { kind: 'open' };
  const file = new UsersFile(auth.usersFile);
  await file.read();
  return { kind: 'users', file, anonymousPull: auth.anonymousPull ?? false };
}

function makeServer({ tls }: ServeRegistryOptions): Server {
  if (tls === undefined) return createServer(HTTP);
  try {
    return createTlsServer({ ...HTTP, cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2' });
  } catch (cause) {
    throw new SlipwayError(
      'REGISTRY_TLS_INVALID',
      `cannot serve with this certificate: ${messageOf(cause)}`,
      {
        hint: 'give the certificate chain and its private key as PEM files that belong together',
        cause,
      },
    );
  }
}

function answerRequests(
  server: Server,
  options: ServeRegistryOptions,
  parts: Pick<HandlerOptions, 'store' | 'log' | 'gate'>,
): void {
  const patience = { ...DEFAULT_PATIENCE, ...options.patience };
  const handler: HandlerOptions = {
    ...parts,
    readOnly: options.readOnly ?? false,
    maxBlobBytes: options.maxBlobBytes ?? MAX_BLOB_BYTES,
  };
  const listener =
    (expectsContinue: boolean): RequestListener =>
    (request, response) => {
      // A connection that breaks is seen where it is read or written.
      request.on('error', () => undefined);
      response.on('error', () => undefined);
      void handle(new Exchange(request, response, patience, expectsContinue), handler);
    };
  server.maxConnections = MAX_CONNECTIONS;
  server.on('request', listener(false));
  server.on('checkContinue', listener(true));
}

async function listen(server: Server, { host = '127.0.0.1', port }: ServeRegistryOptions): Promise<void> {
  const listening = once(server, 'listening');
  server.listen({ host, port });
  try {
    await listening;
  } catch (cause) {
    throw new SlipwayError(
      'REGISTRY_LISTEN_FAILED',
      `cannot listen on ${formatHostPort(host, port)}: ${messageOf(cause)}`,
      {
        hint: 'choose an address of this machine and a port nobody listens on',
        details: { host, port },
        cause,
      },
    );
  }
}

function running(
  server: Server,
  options: ServeRegistryOptions,
  resources: AsyncDisposableStack,
): RegistryServer {
  const { address, port } = server.address() as AddressInfo;
  const hostPort = formatHostPort(address, port);
  let closing: Promise<void> | undefined;
  const dispose = (): Promise<void> => {
    closing ??= resources.disposeAsync();
    return closing;
  };
  options.signal?.addEventListener('abort', () => void dispose().catch(() => undefined), { once: true });
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${hostPort}`,
    hostPort,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Takes no more connections; those under way may end, and are cut when they do not. */
async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  // A connection whose last answer has just left would be kept for another request.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const end = setTimeout(() => server.closeAllConnections(), FAREWELL_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(end);
}

function formatHostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
