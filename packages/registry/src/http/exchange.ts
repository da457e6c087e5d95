/** One request and its answer, with the manners a public server needs. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import { type ByteStream, collectBytes } from '@slipway/core';
import { RegistryFailure } from '../failure.ts';

/** How patient the server is with a client. */
export interface Patience {
  /** Longest time in which a client may send, or take, nothing at all. */
  readonly stallMs: number;
  /** Slowest upload in the long run: a client slower than this only holds a connection. */
  readonly leastBytesPerSecond: number;
}

/** Headers of an answer. */
export type Headers = Readonly<Record<string, string | number>>;

/** How long what is left of a refused request may still come in: cutting at once would lose the client our answer. */
const REST_MS = 5000;

/** One request and its answer. */
export class Exchange {
  readonly method: string;
  /** As sent, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Itself, for who must look at its connection. */
  readonly request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #patience: Patience;
  /** The client waits for `100 Continue` before it sends the body. */
  #isWaiting: boolean;
  #receivedBytes = 0;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    patience: Patience,
    expectsContinue: boolean,
  ) {
    const url = request.url ?? '';
    const mark = url.indexOf('?');
    this.method = request.method ?? '';
    this.path = mark === -1 ? url : url.slice(0, mark);
    this.query = new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1));
    this.request = request;
    this.#response = response;
    this.#patience = patience;
    this.#isWaiting = expectsContinue;
  }

  /** Status of the answer; 0 until there is one. */
  get status(): number {
    return this.#response.headersSent ? this.#response.statusCode : 0;
  }

  /** Bytes of the body taken so far. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Whether nobody is there any more. */
  get isGone(): boolean {
    return this.request.socket.destroyed;
  }

  /** `http://host:port` as the client called us, for addresses that must be absolute; undefined when it does not say. */
  get origin(): string | undefined {
    const { host } = this.request.headers;
    if (host === undefined || !/^[A-Za-z0-9.:[\]_-]{1,260}$/.test(host)) return undefined;
    const isTls = (this.request.socket as TLSSocket).encrypted;
    return `${isTls ? 'https' : 'http'}://${host}`;
  }

  /** A header of the request. */
  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  /** Size of the body, where the client says. */
  get contentLength(): number | undefined {
    const text = this.request.headers['content-length'];
    return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
  }

  /**
   * The body as it comes. Waiting for the disk is not the client's fault and is not counted against it.
   *
   * @throws RegistryFailure SIZE_INVALID (413) past the limit, 408 for a client that is too slow; the error of the
   *   connection when it breaks
   */
  async *body(limitBytes: number): ByteStream {
    if ((this.contentLength ?? 0) > limitBytes) throw tooLarge(limitBytes);
    if (this.#isWaiting) this.#response.writeContinue();
    this.#isWaiting = false;
    // Who stops reading early still wants to answer: the connection stays.
    const chunks = this.request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
    let waitedMs = 0;
    try {
      for (;;) {
        const startMs = performance.now();
        const chunk = await this.#next(chunks);
        if (chunk === undefined) return;
        waitedMs += performance.now() - startMs;
        this.#receivedBytes += chunk.length;
        if (this.#receivedBytes > limitBytes) throw tooLarge(limitBytes);
        if (waitedMs > this.#allowedMs()) {
          throw new RegistryFailure('UNSUPPORTED', 'the body comes too slowly', { status: 408 });
        }
        yield chunk;
      }
    } finally {
      await chunks.return?.();
    }
  }

  /** The whole body, for documents. */
  async document(limitBytes: number): Promise<Buffer> {
    return await collectBytes(this.body(limitBytes), limitBytes, () => tooLarge(limitBytes));
  }

  /** Answers with a body at hand, or none. */
  send(status: number, headers: Headers = {}, body: string | Uint8Array = ''): void {
    const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
    // Neither has a body, nor may it say how long the body is not.
    const isBare = status === 204 || status === 304;
    this.#begin(status, isBare ? headers : { 'content-length': bytes.length, ...headers });
    this.#response.end(this.method === 'HEAD' || isBare ? undefined : bytes);
  }

  /** Answers with a stream whose length the headers say. Throws when the client goes away or stalls. */
  async stream(status: number, headers: Headers, body: Readable | ByteStream): Promise<void> {
    this.#begin(status, headers);
    this.#response.setTimeout(this.#patience.stallMs, () => this.#response.destroy());
    await pipeline(body, this.#response);
  }

  /** Ends the connection: the answer has begun and cannot be finished. */
  abort(): void {
    this.request.socket.destroy();
  }

  #begin(status: number, headers: Headers): void {
    const { socket } = this.request;
    if (!this.request.complete) {
      // A client told to go on sends its body now; one that was not told may send it or not, and nobody could tell.
      if (this.#isWaiting) this.#response.setHeader('connection', 'close');
      const timer = setTimeout(() => socket.destroy(), Math.min(REST_MS, this.#patience.stallMs)).unref();
      this.request.once('end', () => clearTimeout(timer));
      this.#response.once('finish', () => this.request.resume());
    }
    this.#response.writeHead(status, { ...COMMON_HEADERS, ...headers });
  }

  #allowedMs(): number {
    const { stallMs, leastBytesPerSecond } = this.#patience;
    return stallMs + (this.#receivedBytes / leastBytesPerSecond) * 1000;
  }

  async #next(chunks: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
    const timer = setTimeout(() => this.abort(), this.#patience.stallMs);
    try {
      const result = await chunks.next();
      return result.done === true ? undefined : result.value;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Older Docker clients look for the version; no browser shall take a blob for a page. */
const COMMON_HEADERS: Headers = {
  'docker-distribution-api-version': 'registry/2.0',
  'x-content-type-options': 'nosniff',
};

function tooLarge(limitBytes: number): RegistryFailure {
  return new RegistryFailure('SIZE_INVALID', `the body is larger than ${limitBytes} bytes`, { status: 413 });
}
