import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { messageOf, SlipwayError } from '@slipway/core';
import { type AnyRoute, allRoutes, pathParams, type RouteId } from '@slipway/fleet-api';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { compatRoutes } from '../compat/routes.ts';
import { deviceIdentityOf } from '../devices/device-identity.ts';
import type { FleetRegistry } from '../registry/fleet-registry.ts';
import type { Services } from '../server/services.ts';
import { authenticate, NOBODY } from './authenticate.ts';
import { changeWith } from './change.ts';
import { checked } from './check.ts';
import { etagOf, isKnown } from './etag.ts';
import type { CallContext, CallInput, LooseHandler, LooseHandlers, Reply } from './handler.ts';
import { problemOf } from './problem.ts';
import { isForPeople, PROBLEM_PAGE_HEADERS, problemPage } from './problem-page.ts';
import { sendStream } from './stream.ts';

/** Requests are small: the largest is a fleet with its configuration. */
const BODY_LIMIT_BYTES = 2 * 2 ** 20;
const MAX_PARAM_LENGTH = 256;
const RECEIVE_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 75_000;

/** What answers requests that are none of the table: the registry, the console. True: it did. */
export type OtherPages = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>;

export interface AppOptions {
  readonly tls: ServerOptions;
  readonly services: Services;
  readonly handlers: LooseHandlers;
  readonly otherPages?: OtherPages;
  /** How long a handshake, the headers and the body of a request may take to come in. */
  readonly receiveTimeoutMs?: number;
  /** Takes the requests it knows before anything of this looks at them. */
  readonly registry?: FleetRegistry;
}

/** The server of the route table: nothing else is answered but what `otherPages` and the registry know. */
export function makeApp(options: AppOptions): FastifyInstance {
  const { tls, services, handlers, otherPages, registry } = options;
  const receiveTimeoutMs = options.receiveTimeoutMs ?? RECEIVE_TIMEOUT_MS;
  const app = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: receiveTimeoutMs,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, caseSensitive: true },
    genReqId: () => Math.random().toString(36).slice(2, 12),
    serverFactory: (handler) =>
      createServer(
        {
          ...tls,
          handshakeTimeout: receiveTimeoutMs,
          headersTimeout: receiveTimeoutMs,
          // How often it is looked for connections that are late.
          connectionsCheckingInterval: receiveTimeoutMs,
          // What the registry takes may come in for as long as it moves; of everything else `limitBody` sees to it.
          requestTimeout: registry === undefined ? receiveTimeoutMs : 0,
          keepAliveTimeout: KEEP_ALIVE_MS,
        },
        (request, response) => {
          if (registry?.answer(request, response) === true) return;
          if (registry !== undefined) limitBody(request, response, receiveTimeoutMs);
          handler(request, response);
        },
      ),
  }) as unknown as FastifyInstance;
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply, services));
  app.setNotFoundHandler(async (request, reply) => {
    if ((await otherPages?.(request, reply)) === true) return;
    throw new SlipwayError(
      'FLEET_NOT_FOUND',
      `cannot ${request.method} ${request.url.split('?')[0] ?? ''}: there is nothing`,
    );
  });
  for (const { id, ...route } of allRoutes()) {
    const served = { id, route, params: pathParams(route.path), handler: handlers[id], services };
    app.route({
      method: route.method,
      url: route.path.replace(/\{(?<name>[a-z]+)\}/g, ':$<name>'),
      handler: (request, reply) => answer(served, request, reply),
    });
  }
  compatRoutes(app, services, registry);
  return app;
}

/** Cuts a body that does not come in in time. */
function limitBody(request: IncomingMessage, response: ServerResponse, timeoutMs: number): void {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
  if (length === '0' && encoding === undefined) return;
  const timer = setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, timeoutMs);
  response.once('close', () => clearTimeout(timer));
}

interface Served {
  readonly id: RouteId;
  readonly route: AnyRoute;
  /** Names of what stands in its path. */
  readonly params: readonly string[];
  readonly handler: LooseHandler;
  readonly services: Services;
}

async function answer(served: Served, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { id, route, handler, services } = served;
  const startMs = performance.now();
  const context = await contextOf(served, request, reply);
  const input = inputOf(served, request, context) as unknown as CallInput<never>;
  const isChange = isChanging(route);
  const result = isChange ? await changeWith({ id, route, handler, context, input }) : await handler(input);
  const { status } = sendReply(result, route, request, reply);
  services.metrics.requests.inc({ route: id, status: String(status) });
  if (result.stream === undefined)
    services.metrics.requestSeconds.observe({ route: id }, (performance.now() - startMs) / 1000);
  return reply;
}

/** Changes run in a transaction with their record in the audit log; devices and logins see to theirs themselves. */
function isChanging({ method, access }: AnyRoute): boolean {
  if (method === 'GET' || access.kind === 'public' || access.kind === 'device') return false;
  return access.kind === 'identity' || !access.permission.endsWith(':read');
}

async function contextOf(
  { route, services }: Served,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<CallContext> {
  const nowMs = services.clock.nowMs();
  const { kind } = route.access;
  const device =
    kind === 'device' ? deviceIdentityOf(request.socket as unknown as TLSSocket, nowMs) : undefined;
  const { identity, scope } =
    kind === 'public' || kind === 'device'
      ? { identity: NOBODY, scope: { kind: 'none' } as const }
      : await authenticate(request, route, services);
  let signal: AbortSignal | undefined;
  return {
    services,
    queries: services.database.reads,
    identity,
    scope,
    device,
    address: request.ip,
    nowMs,
    signal: () => (signal ??= endOf(reply, services.ending)),
    announce: () => undefined,
    audit: () => undefined,
  };
}

/** Aborted when the client went away, or the server ends. */
function endOf(reply: FastifyReply, ending: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const end = (): void => controller.abort();
  if (ending.aborted) end();
  ending.addEventListener('abort', end, { once: true });
  reply.raw.once('close', () => {
    ending.removeEventListener('abort', end);
    end();
  });
  return controller.signal;
}

function inputOf({ route, params }: Served, request: FastifyRequest, context: CallContext): object {
  const sent = request.params as Readonly<Record<string, string>>;
  return {
    params: Object.fromEntries(params.map((name) => [name, sent[name] ?? ''])),
    query: route.query === undefined ? undefined : checked(route.query, request.query, 'query'),
    body: route.body === undefined ? undefined : checked(route.body, request.body ?? {}, 'body'),
    headers: request.headers,
    context,
  };
}

function sendReply(
  result: Reply<unknown>,
  route: AnyRoute,
  request: FastifyRequest,
  reply: FastifyReply,
): { readonly status: number } {
  const etag = result.etag ?? (result.revision === undefined ? undefined : etagOf(result.revision));
  void reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...result.headers });
  if (etag !== undefined) void reply.header('etag', etag);
  if (result.stream !== undefined) {
    sendStream(result.stream, reply);
    return { status: 200 };
  }
  const status = result.status ?? route.status;
  if (
    route.method === 'GET' &&
    etag !== undefined &&
    isKnown(request.headers as CallInput<never>['headers'], etag)
  ) {
    void reply.code(304).send();
    return { status: 304 };
  }
  const { id } = (result.body ?? {}) as { readonly id?: string };
  if (status === 202 && id !== undefined) void reply.header('location', `/api/v1/operations/${id}`);
  if (status === 204 || status === 302) {
    void reply.code(status).send();
    return { status };
  }
  // Fields nobody declared do not leave the server.
  const body = route.response.parse(result.body);
  if (route.mediaType === 'text/plain')
    void reply.code(status).type('text/plain; version=0.0.4; charset=utf-8').send(body);
  else void reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(body));
  return { status };
}

function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply, services: Services): void {
  const problem = problemOf(error, request.id);
  const path = request.url.split('?')[0] ?? '';
  if (problem.status >= 500) {
    services.log.error('cannot answer a request', {
      method: request.method,
      path,
      requestId: request.id,
      reason: messageOf(error),
      ...(error instanceof Error && error.cause !== undefined ? { cause: messageOf(error.cause) } : {}),
      stack: error instanceof Error ? error.stack : undefined,
    });
  }
  services.metrics.requests.inc({ route: 'refused', status: String(problem.status) });
  void reply
    .code(problem.status)
    .headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  if (isForPeople(path, request.headers.accept))
    void reply.headers(PROBLEM_PAGE_HEADERS).send(problemPage(problem));
  else void reply.type('application/problem+json; charset=utf-8').send(JSON.stringify(problem));
}
