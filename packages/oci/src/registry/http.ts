/**
 * The one door to the network: requests with a body or a stream, answers with their body as a stream.
 *
 * It stands on Node's own HTTP, which is there at once: a client from elsewhere took longer to load than a host takes to ask for an
 * update.
 */
import { Agent, type AgentOptions, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { type ByteStream, VERSION } from '@slipway/core';
import { tlsOptionsFor } from './certificates.ts';
import { exchange, type HttpTimeouts } from './http-exchange.ts';
import { proxyFor } from './proxy.ts';

/** One request; redirects are not followed here. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream must come with `content-length` among the headers. */
  readonly body?: Uint8Array | string | ByteStream;
  readonly signal?: AbortSignal;
}

/** The answer; the body must be read or discarded, or its connection is lost. */
export interface HttpResponse {
  readonly status: number;
  /** Names lower case, each with every value that was sent. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly url: URL;
  readonly body: ByteStream;
  /** Reads and forgets the body, so that the connection can be used again. */
  discard(): Promise<void>;
}

export const DEFAULT_TIMEOUTS: HttpTimeouts = { connectMs: 15_000, headersMs: 60_000, stallMs: 30_000 };

/** Options of {@link HttpClient}. */
export interface HttpClientOptions {
  readonly timeouts: HttpTimeouts;
  /** Take any certificate: only for registries the machine's owner calls insecure. */
  readonly anyCertificate: boolean;
  /** Directories with a directory of certificates for each registry. */
  readonly certificateDirectories: readonly string[];
}

/** Connections to one registry and to where it redirects. */
export class HttpClient implements AsyncDisposable {
  readonly #options: HttpClientOptions;
  readonly #agents = new Map<string, Promise<Agent>>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /** Sends a request. Throws what Node throws, or {@link TIMEOUT_CODES}: nothing is retried or judged here. */
  async send({ method, url, headers, body, signal }: HttpRequest): Promise<HttpResponse> {
    const response = await exchange({
      options: {
        agent: await this.#agentFor(url),
        method,
        // Not the address as it is: names and passwords in it are for nobody.
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path: `${url.pathname}${url.search}`,
        headers: { 'user-agent': USER_AGENT, ...headers },
      },
      isTls: url.protocol === 'https:',
      body,
      timeouts: this.#options.timeouts,
      signal,
    });
    return {
      status: response.statusCode ?? 0,
      headers: response.headersDistinct,
      url,
      body: response,
      discard: () => discard(response),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const outcome of await Promise.allSettled(this.#agents.values())) {
      if (outcome.status === 'fulfilled') outcome.value.destroy();
    }
  }

  #agentFor(url: URL): Promise<Agent> {
    const known = this.#agents.get(url.origin);
    if (known !== undefined) return known;
    const made = this.#makeAgent(url);
    this.#agents.set(url.origin, made);
    return made;
  }

  async #makeAgent(url: URL): Promise<Agent> {
    const { anyCertificate, certificateDirectories, timeouts } = this.#options;
    const proxy = proxyFor(url, process.env)?.href;
    // So long a proxy may take to connect us, and a connection is kept for another request.
    const options: AgentOptions = { keepAlive: true, timeout: timeouts.connectMs };
    if (url.protocol === 'http:') return new Agent({ ...options, proxyEnv: { HTTP_PROXY: proxy } });
    const tls = await tlsOptionsFor(url.host, certificateDirectories, anyCertificate);
    return new TlsAgent({ ...options, ...tls, proxyEnv: { HTTPS_PROXY: proxy } });
  }
}

const USER_AGENT = `slipway/${VERSION}`;
const DISCARDED_BYTES = 256 * 1024;

/** What is thrown away may break off, and what is long costs less with its connection. */
async function discard(response: IncomingMessage): Promise<void> {
  if (Number(response.headers['content-length'] ?? 0) > DISCARDED_BYTES) {
    response.destroy();
    return;
  }
  let left = DISCARDED_BYTES;
  try {
    for await (const piece of response as AsyncIterable<Uint8Array>) {
      left -= piece.length;
      if (left < 0) return;
    }
  } catch {
    // The connection is closed then, and the next request takes another.
  }
}

/** The value of a header, the first if it was sent more than once. */
export function header(response: HttpResponse, name: string): string | undefined {
  return response.headers[name]?.[0];
}

/** Every value of a header. */
export function headerValues(response: HttpResponse, name: string): readonly string[] {
  return response.headers[name] ?? [];
}
