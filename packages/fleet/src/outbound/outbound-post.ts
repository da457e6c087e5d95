import { request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import type { OutboundTarget } from './outbound-guard.ts';

/** What is posted, and how its receiver is known. */
export interface OutboundPost {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** PEM, instead of the authorities of the system. */
  readonly caCertificate: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Posts to the addresses the guard looked up, and to no other; redirections are not followed. Of the answer only the status is of
 * interest: its body is not read.
 *
 * @throws Error of the connection, or of the signal
 */
export async function postTo(
  { url, addresses }: OutboundTarget,
  { body, headers, caCertificate, signal }: OutboundPost,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  const lookup: LookupFunction = (_host, options, callback) => {
    if (options.all === true) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };
  const length = { 'content-length': String(Buffer.byteLength(body)) };
  const asking = request(url, {
    method: 'POST',
    headers: { ...headers, ...length },
    lookup,
    agent: false,
    signal,
    ...(caCertificate === undefined ? {} : { ca: caCertificate }),
  });
  asking.on('error', reject).on('response', (response) => {
    response.on('error', () => undefined);
    resolve(response.statusCode ?? 0);
    response.destroy();
  });
  asking.end(body);
  return await promise;
}
