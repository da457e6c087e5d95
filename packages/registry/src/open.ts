import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Logger, messageOf, silentLog } from '@slipway/core';
import { type AskAccess, Gate } from './auth/gate.ts';
import { handle } from './handle.ts';
import { Exchange, type Patience } from './http/exchange.ts';
import { Store } from './store/store.ts';

/** A registry within another server, which decides who may do what. */
export interface OpenRegistryOptions {
  /** Directory of the registry: an OCI layout, made when it is empty or missing. */
  readonly root: string;
  readonly ask: AskAccess;
  readonly log?: Logger;
  /** Largest blob that is taken. Default: 64 GiB. */
  readonly maxBlobBytes?: number;
  readonly patience?: Partial<Patience>;
}

/** A registry that is open; disposing of it lets requests under way end, for a short while. */
export interface EmbeddedRegistry extends AsyncDisposable {
  /** Answers a request for `/v2/` and what is below. */
  answer(request: IncomingMessage, response: ServerResponse): void;
}

export const DEFAULT_PATIENCE: Patience = { stallMs: 60_000, leastBytesPerSecond: 1024 };
export const MAX_BLOB_BYTES: number = 64 * 2 ** 30;
/** How long requests under way may go on when the server ends; uploads cut off are gone on with by their clients. */
export const FAREWELL_MS: number = 10_000;
const UPLOAD_LIFE_MS = 86_400_000;
const EXPIRY_INTERVAL_MS = 3_600_000;

/**
 * Opens the registry of a directory for a server that has a port already. That server must leave it to this one how long a body may
 * take.
 *
 * @throws SlipwayError OCI_LAYOUT_INVALID
 */
export async function openRegistry(options: OpenRegistryOptions): Promise<EmbeddedRegistry> {
  const log = options.log ?? silentLog;
  await using resources = new AsyncDisposableStack();
  const store = resources.use(await Store.open(options.root, log));
  resources.use(expireUploads(store, log));
  const handler = {
    store,
    log,
    gate: new Gate({ kind: 'asked', ask: options.ask }, undefined),
    readOnly: false,
    maxBlobBytes: options.maxBlobBytes ?? MAX_BLOB_BYTES,
  };
  const patience = { ...DEFAULT_PATIENCE, ...options.patience };
  const underWay = new Map<Promise<void>, ServerResponse>();
  resources.defer(() => farewell(underWay));
  const open = resources.move();
  return {
    answer: (request, response) => {
      // A connection that breaks is seen where it is read or written.
      request.on('error', () => undefined);
      response.on('error', () => undefined);
      if (open.disposed) {
        response.writeHead(503, { connection: 'close' }).end();
        return;
      }
      const answering = handle(new Exchange(request, response, patience, false), handler);
      underWay.set(answering, response);
      void answering.finally(() => underWay.delete(answering));
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function farewell(underWay: ReadonlyMap<Promise<void>, ServerResponse>): Promise<void> {
  const end = setTimeout(() => {
    for (const response of underWay.values()) response.destroy();
  }, FAREWELL_MS);
  await Promise.allSettled(underWay.keys());
  clearTimeout(end);
}

/** Uploads nobody goes on with go after a day. */
export function expireUploads(store: Store, log: Logger): Disposable {
  const expire = (): void => {
    store.uploads.expire(Date.now() - UPLOAD_LIFE_MS).then(
      (removed) => removed > 0 && log.info('uploads expired', { removed }),
      (error: unknown) => log.warn('cannot remove old uploads', { reason: messageOf(error) }),
    );
  };
  expire();
  const timer = setInterval(expire, EXPIRY_INTERVAL_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
