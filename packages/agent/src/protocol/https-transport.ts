import { Agent, type RequestOptions, request } from 'node:https';
import type { ClientRequest, ClientResponse, Transport } from '@slipway/fleet-api';

/** Key and certificate a device shows, PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface HttpsTransportOptions {
  /** Certificates to check the server with, PEM; without them those of the system. */
  readonly authority?: string | undefined;
  readonly certificate?: ClientCertificate;
}

/** Answers larger than this are not from a fleet server. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Beyond the longest wait there is: a connection that says nothing for so long is gone, as after a change of network. */
const SILENCE_MS = 330_000;

/** A transport over one connection that is kept. Disposing of it closes the connection. */
export class HttpsTransport implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2, maxCachedSessions: 1 });
  readonly #tls: RequestOptions;

  constructor({ authority, certificate }: HttpsTransportOptions) {
    this.#tls = { ...certificate, ...(authority === undefined ? {} : { ca: authority }) };
  }

  readonly send: Transport = async (asked) => {
    try {
      return await this.#send(asked);
    } catch (thrown) {
      // The server may close a kept connection in the moment it is used again. All that devices ask may be asked twice.
      if ((thrown as { readonly code?: unknown }).code !== 'ECONNRESET' || asked.signal?.aborted === true)
        throw thrown;
      return await this.#send(asked);
    }
  };

  async #send({ method, url, headers, body, signal }: ClientRequest): Promise<ClientResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<ClientResponse>();
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const asking = request(url, {
      ...this.#tls,
      method,
      headers: { ...headers, ...length },
      agent: this.#agent,
      ...(signal === undefined ? {} : { signal }),
    });
    asking.setTimeout(SILENCE_MS, () => asking.destroy(new Error('the server says nothing')));
    asking.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('error', reject).on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) asking.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          etag: response.headers.etag ?? null,
          text: async () => text,
        });
      });
    });
    asking.end(body);
    return await promise;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
