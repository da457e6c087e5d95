import { type Problem, problemSchema } from './resources/problem.ts';
import type { AnyRoute, CallShape } from './routes/route.ts';
import { type Calls, ROUTES, type RouteId } from './routes/table.ts';

/** What goes into a call, by its parts; parts a call does not have cannot be given. */
export type CallInput<Call extends CallShape> = (Call extends { readonly params: infer Params }
  ? { readonly params: Params }
  : { readonly params?: undefined }) &
  (Call extends { readonly query: infer Query }
    ? { readonly query?: Query }
    : { readonly query?: undefined }) &
  (Call extends { readonly body: infer Body } ? { readonly body: Body } : { readonly body?: undefined }) &
  CallHeaders;

/** What can be said beside any call. */
export interface CallHeaders {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** A request as the client hands it to whatever speaks HTTP here: `fetch`, Node's `https` with a client certificate, a test. */
export interface ClientRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface ClientResponse {
  readonly status: number;
  readonly etag: string | null;
  readonly text: () => Promise<string>;
}

export type Transport = (request: ClientRequest) => Promise<ClientResponse>;

export interface ClientOptions {
  /** `https://fleet.example:8443`; empty in a page the server itself serves. */
  readonly url: string;
  readonly transport: Transport;
  /** Headers of every request: who is asking. Computed anew for each. */
  readonly headers?: () => Readonly<Record<string, string>>;
}

/** A refusal of the server, as it told it. */
export class FleetProblem extends Error {
  override readonly name: string = 'FleetProblem';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** An answer and the tag it has, to be given back with a change. */
export interface Answer<Body> {
  readonly body: Body;
  readonly etag: string | null;
  readonly status: number;
}

/**
 * The API as functions: `client.call('fleets.get', { params: { name: 'shops' } })`. Types come from the route table.
 *
 * Answers are what the server says; a server is trusted by its certificate, so they are not checked again.
 */
export class FleetClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** @throws FleetProblem when the server refuses */
  async call<Id extends RouteId>(id: Id, input: CallInput<Calls[Id]>): Promise<Calls[Id]['response']> {
    return (await this.ask(id, input)).body;
  }

  /** The same, with the ETag. A 304 throws nothing: its status says so, and its body is undefined. */
  async ask<Id extends RouteId>(id: Id, input: CallInput<Calls[Id]>): Promise<Answer<Calls[Id]['response']>> {
    const response = await this.#options.transport(this.request(id, input));
    const text = response.status === 204 || response.status === 304 ? '' : await response.text();
    if (response.status >= 400) throw new FleetProblem(problemOf(response.status, text));
    const body = (text === '' ? null : parse(text)) as Calls[Id]['response'];
    return { body, etag: response.etag, status: response.status };
  }

  /** The request of a call, for callers that read the answer themselves, as of server-sent events. */
  request<Id extends RouteId>(id: Id, input: CallInput<Calls[Id]>): ClientRequest {
    const route = ROUTES[id] as AnyRoute;
    const { params, query, body, signal } = input as LooseInput;
    return {
      method: route.method,
      url: `${this.#options.url}${fillPath(route.path, params ?? {})}${queryString(query ?? {})}`,
      headers: { ...this.#options.headers?.(), ...headersOf(input as LooseInput) },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    };
  }
}

interface LooseInput extends CallHeaders {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/\{(?<name>[a-z]+)\}/g, (_all, name: string) => encodeURIComponent(params[name] ?? ''));
}

function queryString(query: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(entries.map(([key, value]) => [key, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}

function headersOf(input: LooseInput): Readonly<Record<string, string>> {
  return {
    accept: 'application/json',
    ...(input.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(input.ifMatch === undefined ? {} : { 'if-match': input.ifMatch }),
    ...(input.ifNoneMatch === undefined ? {} : { 'if-none-match': input.ifNoneMatch }),
    ...(input.idempotencyKey === undefined ? {} : { 'idempotency-key': input.idempotencyKey }),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function problemOf(status: number, text: string): Problem {
  const parsed = problemSchema.safeParse(parse(text));
  if (parsed.success) return parsed.data;
  return {
    type: 'about:blank',
    title: `HTTP ${status}`,
    status,
    detail: `the server answered with status ${status}`,
    code: 'FLEET_ANSWER_INVALID',
  };
}

/** A transport over `fetch`, which pages and Node have. */
export function fetchTransport(fetchFunction: typeof fetch = fetch): Transport {
  return async ({ method, url, headers, body, signal }) => {
    const response = await fetchFunction(url, {
      method,
      headers: { ...headers },
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    return { status: response.status, etag: response.headers.get('etag'), text: () => response.text() };
  };
}
