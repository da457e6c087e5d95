import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ByteStream, type Logger, messageOf, silentLog } from '@slipway/core';
import { type Digest, openBlobFile } from '@slipway/oci';
import { type AskAccess, Gate } from './auth/gate.ts';
import { handle, handleFile } from './handle.ts';
import { Exchange, type Patience } from './http/exchange.ts';
import { type ArtefactFile, findArtefactFile } from './store/artefact-file.ts';
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
  /**
   * The file an artefact is; undefined when the repository has none of that digest.
   *
   * @throws SlipwayError OCI_MANIFEST_INVALID when it is not one file
   */
  findFile(repository: string, digest: Digest): Promise<ArtefactFile | undefined>;
  /**
   * The bytes of a file, not verified.
   *
   * @throws SlipwayError OCI_NOT_FOUND when they have been deleted
   */
  readFile(file: ArtefactFile): ByteStream;
  /**
   * Answers a GET or HEAD with a file, or a range of it, whatever its address is and whoever asks: the caller has looked. Ends when the
   * answer has.
   */
  sendFile(file: ArtefactFile, request: IncomingMessage, response: ServerResponse): Promise<void>;
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
  const serve = async (
    request: IncomingMessage,
    response: ServerResponse,
    work: (exchange: Exchange) => Promise<void>,
  ): Promise<void> => {
    // A connection that breaks is seen where it is read or written.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    if (open.disposed) {
      response.writeHead(503, { connection: 'close' }).end();
      return;
    }
    const answering = work(new Exchange(request, response, patience, false));
    underWay.set(answering, response);
    await answering.finally(() => underWay.delete(answering));
  };
  return {
    answer: (request, response) =>
      void serve(request, response, async (exchange) => await handle(exchange, handler)),
    findFile: async (repository, digest) => await findArtefactFile(store, repository, digest),
    readFile: (file) => readBlob(store.root, file.digest),
    sendFile: async (file, request, response) =>
      await serve(request, response, async (exchange) => await handleFile(file, exchange, handler)),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function* readBlob(root: string, digest: Digest): AsyncGenerator<Uint8Array, void, undefined> {
  const { handle: opened } = await openBlobFile(root, digest);
  await using file = opened;
  yield* file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>;
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
