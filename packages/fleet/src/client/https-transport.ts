import { Agent } from 'node:https';
import { httpsExchange } from '@slipway/agent';
import { messageOf, SlipwayError } from '@slipway/core';
import type { Transport } from '@slipway/fleet-api';

/** Key and certificate a client shows, PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface HttpsTransportOptions {
  /** Authorities to trust instead of those of the system, PEM. */
  readonly authority?: string;
  readonly certificate?: ClientCertificate;
}

const IDLE_MS = 330_000;

/**
 * How a client reaches a server with an authority of its own. A connection is used again and closed by its idling.
 *
 * @throws SlipwayError FLEET_UNREACHABLE from each request that gets no answer
 */
export function httpsTransport({ authority, certificate }: HttpsTransportOptions): Transport {
  const agent = new Agent({
    keepAlive: true,
    timeout: IDLE_MS,
    ...(authority === undefined ? {} : { ca: authority }),
    ...certificate,
  });
  return async (asked) => {
    try {
      return await httpsExchange(asked, { agent });
    } catch (cause) {
      throw unreachable(asked.url, cause);
    }
  };
}

function unreachable(url: string, cause: unknown): SlipwayError {
  return new SlipwayError('FLEET_UNREACHABLE', `cannot reach ${new URL(url).origin}: ${messageOf(cause)}`, {
    hint: 'see whether the server runs there, and whether the authority given is its own',
    cause,
  });
}
