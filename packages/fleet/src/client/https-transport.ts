import { Agent, request } from 'node:https';
import { messageOf, SlipwayError } from '@slipway/core';
import type { ClientRequest, ClientResponse, Transport } from '@slipway/fleet-api';

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

const MAX_ANSWER_BYTES = 256 * 2 ** 20;
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
  return async (asked) => await ask(asked, agent);
}

async function ask(
  { method, url, headers, body, signal }: ClientRequest,
  agent: Agent,
): Promise<ClientResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientResponse>();
  const fail = (cause: unknown): void => reject(unreachable(url, cause));
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const options = {
    method,
    agent,
    headers: { ...headers, ...length },
    ...(signal === undefined ? {} : { signal }),
  };
  const asking = request(url, options, (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('error', fail).on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) response.destroy(new Error('the answer is too large'));
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
  asking.on('error', fail);
  asking.end(body);
  return await promise;
}

function unreachable(url: string, cause: unknown): SlipwayError {
  return new SlipwayError('FLEET_UNREACHABLE', `cannot reach ${new URL(url).origin}: ${messageOf(cause)}`, {
    hint: 'see whether the server runs there, and whether the authority given is its own',
    cause,
  });
}
