/** HTTP as it is, for tests: nothing followed, retried, normalised or added. */

import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';

/** One request. */
export interface RawRequest {
  readonly method?: string;
  /** Sent as it stands. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A list is sent in pieces, without a length. */
  readonly body?: Uint8Array | string | readonly Uint8Array[];
}

/** The answer to one request. */
export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Speaks to one server. */
export class RawClient implements Disposable {
  readonly origin: URL;
  readonly #agent: Agent | TlsAgent;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(
    url: string,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly ca?: string } = {},
  ) {
    this.origin = new URL(url);
    this.#headers = options.headers ?? {};
    this.#agent =
      this.origin.protocol === 'https:'
        ? new TlsAgent({ keepAlive: true, ...(options.ca === undefined ? {} : { ca: options.ca }) })
        : new Agent({ keepAlive: true });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async send({ method = 'GET', path, headers = {}, body }: RawRequest): Promise<RawResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<RawResponse>();
    const { hostname, port, protocol } = this.origin;
    const start = protocol === 'https:' ? httpsRequest : httpRequest;
    const length = lengthHeader(method, body);
    const outgoing = start(
      {
        host: hostname.replace(/^\[|\]$/g, ''),
        port,
        method,
        path,
        agent: this.#agent,
        headers: { ...length, ...this.#headers, ...headers },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    outgoing.on('error', reject);
    const pieces =
      body === undefined ? [] : typeof body === 'string' || body instanceof Uint8Array ? [body] : body;
    for (const piece of pieces) outgoing.write(piece);
    outgoing.end();
    return await promise;
  }
}

function lengthHeader(method: string, body: RawRequest['body']): Readonly<Record<string, string>> {
  if (typeof body === 'string' || body instanceof Uint8Array) {
    return { 'content-length': String(Buffer.byteLength(body)) };
  }
  return body === undefined && method !== 'GET' && method !== 'HEAD' ? { 'content-length': '0' } : {};
}
