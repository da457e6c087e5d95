import * as z from 'zod';
import { problemSchema } from './resources/problem.ts';
import type { AnyRoute } from './routes/route.ts';
import { allRoutes, pathParams } from './routes/table.ts';

type Json = Readonly<Record<string, unknown>>;

const HEADERS: Readonly<Record<string, string>> = {
  'if-match': 'the ETag of what is changed; 412 when it is another by now',
  'if-none-match': 'an ETag that is had already; on a change, * means: only make it, do not replace it',
  'idempotency-key': 'a repeated request with the same key is answered as the first, for a day',
  'last-event-id': 'the event to go on after',
  prefer: 'wait=SECONDS waits for a change',
};

const REFUSALS: Readonly<Record<number, string>> = {
  304: 'It is the one you have.',
  400: 'The request is not understood.',
  401: 'Nobody is known who asks this.',
  403: 'Who asks may not do that.',
  404: 'There is no such thing, or not for who asks.',
  409: 'It contradicts what is.',
  412: 'It was changed in the meantime.',
  422: 'What was sent makes no sense.',
  428: 'Say which revision is changed.',
};

/** The OpenAPI 3.1 document of the API, from the route table. The same table gives the same document. */
export function openApiDocument(): Json {
  const registry = new SchemaRegistry();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of allRoutes()) {
    paths[route.path] ??= {};
    Object.assign(paths[route.path] ?? {}, {
      [route.method.toLowerCase()]: operationOf(route.id, route, registry),
    });
  }
  registry.add(problemSchema);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Slipway fleet',
      version: 'v1',
      description:
        'Devices, fleets, releases and rollouts. Failures are problem+json with a code of the error catalogue.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: registry.schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'slipway_session' },
        device: { type: 'mutualTLS' },
      },
    },
  };
}

function operationOf(id: string, route: AnyRoute, registry: SchemaRegistry): Json {
  return {
    operationId: id,
    tags: [route.tag],
    summary: route.summary,
    security: securityOf(route),
    'x-slipway-access': route.access,
    parameters: [
      ...pathParams(route.path).map((name) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string' },
      })),
      ...queryParameters(route, registry),
      ...(route.headers ?? []).map((name) => ({
        name,
        in: 'header',
        required: false,
        description: HEADERS[name],
        schema: { type: 'string' },
      })),
    ],
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: registry.reference(route.body, 'input') } },
          },
        }),
    responses: { [route.status]: answerOf(route, registry), ...refusalsOf(route) },
  };
}

function securityOf({ access }: AnyRoute): readonly Json[] {
  if (access.kind === 'public') return [];
  return access.kind === 'device' ? [{ device: [] }] : [{ bearer: [] }, { session: [] }];
}

function answerOf(route: AnyRoute, registry: SchemaRegistry): Json {
  if (route.status === 204 || route.status === 302) return { description: route.summary };
  const schema = registry.reference(route.response, 'output');
  return { description: route.summary, content: { [route.mediaType ?? 'application/json']: { schema } } };
}

function refusalsOf(route: AnyRoute): Json {
  const identified = route.access.kind === 'public' ? [] : [401, 403];
  const statuses = [400, ...identified, ...route.refusals].toSorted((a, b) => a - b);
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: REFUSALS[status], ...(status === 304 ? {} : { content: problem }) },
    ]),
  );
}

function queryParameters(route: AnyRoute, registry: SchemaRegistry): readonly Json[] {
  if (route.query === undefined) return [];
  const { properties = {}, required = [] } = registry.inline(route.query, 'input') as {
    readonly properties?: Readonly<Record<string, unknown>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

/** Schemas that have a name stand in the document once. */
class SchemaRegistry {
  readonly schemas: Record<string, unknown> = {};

  add(schema: z.ZodType): void {
    this.reference(schema, 'output');
  }

  /** A reference to a named schema, else the schema itself; what is named inside moves to `schemas`. */
  reference(schema: z.ZodType, io: 'input' | 'output'): Json {
    const json = this.inline(schema, io);
    const id = z.globalRegistry.get(schema)?.id;
    if (id === undefined) return json;
    // What is named refers to itself already, unless nothing else in it has a name.
    if (json['$ref'] === undefined) this.schemas[id] = json;
    return { $ref: `#/components/schemas/${id}` };
  }

  inline(schema: z.ZodType, io: 'input' | 'output'): Json {
    const json = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' }) as Record<
      string,
      unknown
    >;
    const { $schema: _schema, $defs, id: _id, ...rest } = json;
    for (const [name, definition] of Object.entries(
      ($defs ?? {}) as Record<string, Record<string, unknown>>,
    )) {
      const { id: _inner, ...body } = definition;
      this.schemas[name] ??= moved(body);
    }
    return moved(rest) as Json;
  }
}

/** References of JSON Schema's own place for definitions become those of OpenAPI. */
function moved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moved);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string'
        ? inner.replace(/^#\/\$defs\//, '#/components/schemas/')
        : moved(inner),
    ]),
  );
}
