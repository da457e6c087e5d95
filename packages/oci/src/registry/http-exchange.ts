/** One request and its answer over HTTP/1.1: how long each step may take, and what becomes of the connection. */
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { ByteStream } from '@slipway/core';

/** How patient the network layer is. */
export interface HttpTimeouts {
  /** Until a connection stands, TLS included. */
  readonly connectMs: number;
  /** Without a byte in either direction, until the answer begins. */
  readonly headersMs: number;
  /** Between two pieces of a body. */
  readonly stallMs: number;
}

/** Codes of the errors of an exchange that took too long, beside those of the system and of Node. */
export const TIMEOUT_CODES = {
  connect: 'HTTP_CONNECT_TIMEOUT',
  headers: 'HTTP_HEADERS_TIMEOUT',
  stall: 'HTTP_STALLED',
} as const;

/** What is sent, and by when what is awaited. */
export interface Exchange {
  readonly options: RequestOptions;
  readonly isTls: boolean;
  readonly body: Uint8Array | string | ByteStream | undefined;
  readonly timeouts: HttpTimeouts;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends a request and waits for the beginning of the answer, whose body then fails by itself when it stalls, breaks off or is not
 * wanted any more. A connection goes back to its agent when both sides are read and written to their end, and is closed otherwise.
 */
export async function exchange(request: Exchange): Promise<IncomingMessage> {
  request.signal?.throwIfAborted();
  return await new RunningExchange(request).answer();
}

class RunningExchange {
  readonly #request: Exchange;
  readonly #sent: ClientRequest;
  #answer: IncomingMessage | undefined;

  constructor(exchanged: Exchange) {
    this.#request = exchanged;
    this.#sent = exchanged.isTls ? requestTls(exchanged.options) : request(exchanged.options);
  }

  answer(): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    this.#sent.on('error', reject);
    this.#sent.once('response', (answer) => {
      this.#answer = answer;
      // A body nobody reads yet fails for whoever will.
      answer.on('error', () => undefined);
      // What is still being sent when all of the answer is here is of no use: the other side has decided.
      answer.once('end', () => {
        if (!this.#sent.writableFinished) this.#sent.destroy();
      });
      resolve(answer);
    });
    this.#listenToSignal();
    this.#watch();
    this.#send();
    return promise;
  }

  #listenToSignal(): void {
    const { signal } = this.#request;
    if (signal === undefined) return;
    const stop = (): void => this.#stop(reasonOf(signal));
    signal.addEventListener('abort', stop, { once: true });
    this.#sent.once('close', () => signal.removeEventListener('abort', stop));
  }

  /** Lets an exchange fail that does not come on: a socket tells when nothing came or went for a while. */
  #watch(): void {
    const { connectMs, headersMs, stallMs } = this.#request.timeouts;
    const connecting = setTimeout(() => this.#stop(late('connect')), connectMs);
    this.#sent.once('close', () => clearTimeout(connecting));
    this.#sent.once('response', ({ socket }) => socket.setTimeout(stallMs));
    this.#sent.once('socket', (socket) => {
      const onIdle = (): void => this.#onIdle(socket);
      // The agent's own says how long a connection waits for a request.
      socket.setTimeout(0);
      socket.on('timeout', onIdle);
      this.#sent.once('close', () => socket.off('timeout', onIdle));
      whenConnected(socket, () => {
        clearTimeout(connecting);
        socket.setTimeout(headersMs);
      });
    });
  }

  #onIdle(socket: Socket): void {
    if (this.#answer === undefined) this.#stop(late('headers'));
    // What waits here for its reader is no fault of the other side.
    else if (this.#answer.readableLength > 0) socket.setTimeout(this.#request.timeouts.stallMs);
    else this.#stop(late('stall'));
  }

  #send(): void {
    const { body } = this.#request;
    if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
      this.#sent.end(body);
      return;
    }
    const stream = Readable.from(body, { objectMode: false });
    stream.once('error', (error) => this.#stop(error));
    this.#sent.once('close', () => stream.destroy());
    stream.pipe(this.#sent);
  }

  /** The answer first, for whoever reads it: the request would end it with an error of Node's own. */
  #stop(error: Error): void {
    this.#answer?.destroy(error);
    this.#sent.destroy(error);
  }
}

/** A connection that is used again is connected at once. */
function whenConnected(socket: Socket, then: () => void): void {
  if (socket instanceof TLSSocket && socket.getFinished() === undefined) socket.once('secureConnect', then);
  else if (socket.connecting) socket.once('connect', then);
  else then();
}

function late(step: keyof typeof TIMEOUT_CODES): Error {
  return Object.assign(new Error('nothing came for too long'), { code: TIMEOUT_CODES[step] });
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new DOMException('stopped', 'AbortError');
}
