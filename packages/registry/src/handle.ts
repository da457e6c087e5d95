import { errnoOf, isSlipwayError, type Logger, messageOf } from '@slipway/core';
import type { Gate } from './auth/gate.ts';
import type { Access } from './auth/users-file.ts';
import { deleteBlob, getBlob } from './endpoints/blobs.ts';
import { type EndpointContext, PRIVATE } from './endpoints/context.ts';
import { listReferrers, listRepositories, listTags } from './endpoints/lists.ts';
import { deleteManifest, getManifest, putManifest } from './endpoints/manifests.ts';
import { beginUpload, cancelUpload, getUpload, patchUpload, putUpload } from './endpoints/uploads.ts';
import { failureBody, RegistryFailure } from './failure.ts';
import type { Exchange } from './http/exchange.ts';
import { parseRoute, type Route } from './http/route.ts';
import type { ArtefactFile } from './store/artefact-file.ts';

/** What the server is and does for every request. */
export interface HandlerOptions extends EndpointContext {
  readonly gate: Gate;
  readonly readOnly: boolean;
}

type Kind = Route['kind'];
type Endpoint<K extends Kind> = (
  route: Extract<Route, { readonly kind: K }>,
  exchange: Exchange,
  context: EndpointContext,
) => Promise<void>;

/** Which methods there are where; the compiler holds every endpoint to its route. */
const ENDPOINTS: { readonly [K in Kind]: Readonly<Record<string, Endpoint<K>>> } = {
  base: { GET: answerBase, HEAD: answerBase },
  token: {},
  catalog: { GET: listRepositories, HEAD: listRepositories },
  tags: { GET: listTags, HEAD: listTags },
  referrers: { GET: listReferrers, HEAD: listReferrers },
  manifest: { GET: getManifest, HEAD: getManifest, PUT: putManifest, DELETE: deleteManifest },
  blob: { GET: getBlob, HEAD: getBlob, DELETE: deleteBlob },
  uploads: { POST: beginUpload },
  upload: { GET: getUpload, PATCH: patchUpload, PUT: putUpload, DELETE: cancelUpload },
};

/** Answers one request. Never throws: what goes wrong becomes an answer, or the end of the connection. */
export async function handle(exchange: Exchange, options: HandlerOptions): Promise<void> {
  const startMs = performance.now();
  try {
    await answer(exchange, options);
  } catch (error) {
    refuse(exchange, error, options.log, exchange.path.slice(0, 300));
  }
  options.log.debug('request', {
    method: exchange.method,
    path: exchange.path.slice(0, 300),
    status: exchange.status,
    receivedBytes: exchange.receivedBytes,
    ms: Math.round(performance.now() - startMs),
  });
}

/**
 * Answers with a file of an artefact, to whom the caller let in. Never throws, like {@link handle}; the path of the request may hold a
 * secret of the caller's, and is not logged.
 */
export async function handleFile(
  file: ArtefactFile,
  exchange: Exchange,
  options: EndpointContext,
): Promise<void> {
  try {
    // Whoever kept a copy on the way would go on giving it to those who may not have it any more.
    await getBlob(file, exchange, options, PRIVATE);
  } catch (error) {
    refuse(exchange, error, options.log, `${file.repository}@${file.digest}`);
  }
}

async function answer(exchange: Exchange, options: HandlerOptions): Promise<void> {
  const route = parseRoute(exchange.path);
  if (route.kind === 'token') return await options.gate.answerToken(exchange);
  const endpoint = findEndpoint(route, exchange.method);
  const access: Access = isReading(exchange, route) ? 'pull' : 'push';
  if (access === 'push') refuseBrowsers(exchange);
  const repository = 'repository' in route ? route.repository : undefined;
  await options.gate.admit(exchange, { access, repository }, route.kind === 'base');
  if (access === 'push' && options.readOnly) {
    throw new RegistryFailure('UNSUPPORTED', 'this registry is read-only');
  }
  const isMount = route.kind === 'uploads' && exchange.query.has('mount');
  const refusesMount =
    isMount && !(await options.gate.mayMount(exchange, exchange.query.get('from') ?? undefined));
  await endpoint(route, exchange, { ...options, refusesMount });
}

function findEndpoint(route: Route, method: string): Endpoint<Kind> {
  const endpoints: Readonly<Record<string, unknown>> = ENDPOINTS[route.kind];
  if (Object.hasOwn(endpoints, method)) return endpoints[method] as Endpoint<Kind>;
  throw new RegistryFailure('UNSUPPORTED', `${method} is not possible here`, {
    headers: { allow: Object.keys(endpoints).join(', ') },
  });
}

/** Uploads are nobody's business but the pusher's. */
function isReading({ method }: Exchange, { kind }: Route): boolean {
  return (method === 'GET' || method === 'HEAD') && kind !== 'upload';
}

/**
 * No client of registries sends `Origin`, every browser does with what changes something: a page somebody looks at must not push to
 * the registry on their own machine.
 */
function refuseBrowsers(exchange: Exchange): void {
  if (exchange.header('origin') === undefined) return;
  throw new RegistryFailure('DENIED', 'requests of web pages are not taken');
}

async function answerBase(_route: object, exchange: Exchange): Promise<void> {
  exchange.send(200, { 'content-type': 'application/json' }, '{}');
}

function refuse(exchange: Exchange, error: unknown, log: Logger, path: string): void {
  if (exchange.isGone) {
    log.debug('the client went away', { path, reason: messageOf(error) });
    return;
  }
  const failure = error instanceof RegistryFailure ? error : toFailure(error);
  if (failure.status >= 500) {
    log.error('cannot answer a request', { path, reason: messageOf(error) });
  }
  if (exchange.status === 0) {
    exchange.send(
      failure.status,
      { ...failure.headers, 'content-type': 'application/json' },
      failureBody(failure),
    );
  } else exchange.abort();
}

/** What went wrong here is for the log; the client learns that it did, and whether a full disk is the reason. */
function toFailure(cause: unknown): RegistryFailure {
  const code = errnoOf(cause) ?? '';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new RegistryFailure('UNKNOWN', 'the registry has no space left', { status: 507, cause });
  }
  if (isSlipwayError(cause, 'OCI_LAYOUT_INVALID')) {
    return new RegistryFailure('UNKNOWN', 'the registry cannot use its directory', { cause });
  }
  return new RegistryFailure('UNKNOWN', 'the registry failed', { cause });
}
