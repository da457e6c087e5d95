import { Agent, type RequestOptions } from 'node:https';
import type { ClientRequest, ClientResponse, Transport } from '@slipway/fleet-api';
import { httpsExchange } from './https-exchange.ts';

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

  async #send(asked: ClientRequest): Promise<ClientResponse> {
    return await httpsExchange(asked, { ...this.#tls, agent: this.#agent });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
