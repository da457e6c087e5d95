/** The one door to the network: requests by undici, answers with their body as a stream. */

import { Readable } from 'node:stream';
import type { ByteStream } from '@slipway/core';
import type { Dispatcher } from 'undici';
import { tlsOptionsFor } from './certificates.ts';
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
  /** Names lower case; of a header sent twice, the values. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly url: URL;
  readonly body: ByteStream;
  /** Reads and forgets the body, so that the connection can be used again. */
  discard(): Promise<void>;
}

/** How patient the network layer is. */
export interface HttpTimeouts {
  readonly connectMs: number;
  /** From the request to its first answer. */
  readonly headersMs: number;
  /** Between two pieces of a body. */
  readonly stallMs: number;
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
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /** Sends a request. Throws what undici throws: nothing is retried or judged here. */
  async send({ method, url, headers, body, signal }: HttpRequest): Promise<HttpResponse> {
    const dispatcher = await this.#dispatcherFor(url);
    const response = await dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: { 'user-agent': USER_AGENT, ...headers },
      ...(body === undefined ? {} : { body: asBody(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      url,
      body: response.body,
      discard: async () => {
        await response.body.dump({ limit: DISCARDED_BYTES });
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const dispatchers = await Promise.allSettled(this.#dispatchers.values());
    for (const outcome of dispatchers) {
      if (outcome.status === 'fulfilled') await outcome.value.destroy();
    }
  }

  #dispatcherFor(url: URL): Promise<Dispatcher> {
    const known = this.#dispatchers.get(url.origin);
    if (known !== undefined) return known;
    const made = this.#makeDispatcher(url);
    this.#dispatchers.set(url.origin, made);
    return made;
  }

  async #makeDispatcher(url: URL): Promise<Dispatcher> {
    const { Agent, ProxyAgent } = await import('undici');
    const { timeouts, anyCertificate, certificateDirectories } = this.#options;
    const tls =
      url.protocol === 'https:' ? await tlsOptionsFor(url.host, certificateDirectories, anyCertificate) : {};
    const options = {
      connect: { timeout: timeouts.connectMs, ...tls },
      headersTimeout: timeouts.headersMs,
      bodyTimeout: timeouts.stallMs,
      // Layers come over connections of their own; one HTTP/2 connection would make them share a window.
      allowH2: false,
    };
    const proxy = proxyFor(url, process.env);
    return proxy === undefined
      ? new Agent(options)
      : new ProxyAgent({ ...options, uri: proxy.href, requestTls: tls });
  }
}

const USER_AGENT = 'slipway/0.1.0';
const DISCARDED_BYTES = 256 * 1024;

function asBody(body: Uint8Array | string | ByteStream): Uint8Array | string | Readable {
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  return Readable.from(body, { objectMode: false });
}

/** The value of a header, the first if it was sent more than once. */
export function header(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

/** Every value of a header. */
export function headerValues(response: HttpResponse, name: string): readonly string[] {
  const value = response.headers[name];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}
