import { type RequestOptions, request } from 'node:https';
import type { ClientRequest, ClientResponse } from '@slipway/fleet-api';

/** Answers larger than this are not from a fleet server. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Beyond the longest wait there is: a connection that says nothing for so long is gone, as after a change of network. */
const SILENCE_MS = 330_000;

/**
 * Asks a server once and reads its whole answer, whatever its status.
 *
 * @param connection the agent that keeps connections, and what TLS needs
 * @throws Error of the connection, of TLS, or of the signal
 */
export async function httpsExchange(
  { method, url, headers, body, signal }: ClientRequest,
  connection: RequestOptions,
): Promise<ClientResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientResponse>();
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const asking = request(url, {
    ...connection,
    method,
    headers: { ...headers, ...length },
    ...(signal === undefined ? {} : { signal }),
  });
  asking.setTimeout(SILENCE_MS, () => asking.destroy(new Error('the server says nothing')));
  asking.on('error', reject).on('response', (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('error', reject).on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) asking.destroy(new Error('the answer is too large'));
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
