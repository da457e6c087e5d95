import { messageOf } from '@slipway/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { FleetRegistry } from '../registry/fleet-registry.ts';
import type { Services } from '../server/services.ts';
import { findClient } from './client.ts';
import type { CompatAnswer, CompatRoute } from './compat-route.ts';
import type { HttpAnswer } from './http.ts';
import { PROTOCOLS } from './protocols.ts';

/**
 * Adds what clients of others ask. It stands beside the table of the API: the bodies have other types and limits, failures other forms,
 * and who asks is said by a token in the path, which therefore never gets into a log.
 */
export function compatRoutes(
  app: FastifyInstance,
  services: Services,
  registry: FleetRegistry | undefined,
): void {
  void app.register(async (scope) => {
    // Zincati names no type at all, and none is believed: each protocol knows what it is sent.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    for (const route of PROTOCOLS) {
      scope.route<{ Params: Params }>({
        method: route.method,
        url: `/compat/:token${route.path}`,
        bodyLimit: route.maxBodyBytes,
        exposeHeadRoute: false,
        errorHandler: (error, _request, reply) => {
          void send(route, failed(route, error, services), reply, services);
        },
        handler: async (request, reply) => {
          const answered = await answer(route, request, services, registry);
          if (!('send' in answered)) return await send(route, answered, reply, services);
          reply.hijack();
          await answered.send(request.raw, reply.raw);
          services.metrics.requests.inc({ route: route.id, status: String(reply.raw.statusCode) });
          return reply;
        },
      });
    }
  });
}

type Params = Readonly<Record<string, string>> & { readonly token: string };

async function answer(
  route: CompatRoute,
  request: FastifyRequest<{ Params: Params }>,
  services: Services,
  registry: FleetRegistry | undefined,
): Promise<CompatAnswer> {
  const { token, ...params } = request.params;
  const nowMs = services.clock.nowMs();
  const client = await findClient(token, route.permission, services, nowMs);
  if (client === 'unknown') return route.refuse(401, 'unauthenticated', 'the token in the address is none');
  if (client === 'forbidden')
    return route.refuse(403, 'forbidden', `the token needs the permission ${route.permission}`);
  return await route.answer({
    client,
    services,
    registry,
    base: `${services.settings.publicUrl}/compat/${token}`,
    params,
    headers: request.headers,
    query: request.url.split('?').slice(1).join('?'),
    body: Buffer.isBuffer(request.body) ? request.body : new Uint8Array(),
    address: request.ip,
    nowMs,
  });
}

function failed(route: CompatRoute, error: unknown, services: Services): HttpAnswer {
  const { statusCode } = error as { readonly statusCode?: number };
  if (statusCode !== undefined && statusCode < 500) {
    return route.refuse(statusCode, 'bad_request', messageOf(error));
  }
  services.log.error('cannot answer a client of another protocol', {
    route: route.id,
    reason: messageOf(error),
    stack: error instanceof Error ? error.stack : undefined,
  });
  return route.refuse(500, 'internal', 'something went wrong in the server; its log says more');
}

function send(
  { id }: CompatRoute,
  { status, headers, body }: HttpAnswer,
  reply: FastifyReply,
  services: Services,
): FastifyReply {
  services.metrics.requests.inc({ route: id, status: String(status) });
  void reply
    .code(status)
    .headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers });
  return body === '' ? reply.send() : reply.send(Buffer.from(body));
}
