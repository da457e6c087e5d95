import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { collectBytes } from '@slipway/core';
import type { OutboundTarget } from './outbound-guard.ts';

/** What is asked for, and how who answers is known. */
export interface OutboundRequest {
  readonly headers: Readonly<Record<string, string>>;
  /** PEM, instead of the authorities of the system. */
  readonly caCertificate?: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Posts to the addresses the guard looked up. Of the answer only the status is of interest: its body is not read.
 *
 * @throws Error of the connection, or of the signal
 */
export async function postTo(
  target: OutboundTarget,
  body: string,
  { headers, ...request }: OutboundRequest,
): Promise<number> {
  const length = { 'content-length': String(Buffer.byteLength(body)) };
  const response = await open(target, 'POST', body, { ...request, headers: { ...headers, ...length } });
  response.on('error', () => undefined).destroy();
  return response.statusCode ?? 0;
}

/**
 * What is at the addresses the guard looked up.
 *
 * @throws Error of the connection, of the signal, of a status that is no success, or of a body of more than `maxBytes`
 */
export async function getFrom(
  target: OutboundTarget,
  maxBytes: number,
  request: OutboundRequest,
): Promise<Buffer> {
  return await bodyOf(await open(target, 'GET', '', request), maxBytes);
}

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const { statusCode = 0 } = response;
  if (statusCode < 200 || statusCode > 299) {
    response.destroy();
    throw new Error(`it answered ${statusCode}`);
  }
  return await collectBytes(response, maxBytes, () => new Error(`it answered more than ${maxBytes} bytes`));
}

/** What is there, or that it is what was named in `if-none-match`. */
export interface ChangedBody {
  readonly body: Buffer | null;
  /** Names what is there, to be said back; null: it has no name, or one that is too long. */
  readonly etag: string | null;
}

const MAX_ETAG_LENGTH = 256;

/**
 * As `getFrom`, for what is asked for again and again.
 *
 * @throws Error as `getFrom`
 */
export async function getIfChanged(
  target: OutboundTarget,
  maxBytes: number,
  request: OutboundRequest,
): Promise<ChangedBody> {
  const response = await open(target, 'GET', '', request);
  const { etag = '' } = response.headers;
  const name = etag !== '' && etag.length <= MAX_ETAG_LENGTH ? etag : null;
  if (response.statusCode !== 304) return { body: await bodyOf(response, maxBytes), etag: name };
  response.on('error', () => undefined).destroy();
  return { body: null, etag: name };
}

/** To those addresses and to no other; redirections are not followed. */
async function open(
  { url, addresses }: OutboundTarget,
  method: 'GET' | 'POST',
  body: string,
  { headers, caCertificate, signal }: OutboundRequest,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  const lookup: LookupFunction = (_host, options, callback) => {
    if (options.all === true) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };
  const options = { method, headers, lookup, agent: false, signal } as const;
  const asking =
    url.protocol === 'http:'
      ? plainRequest(url, options)
      : tlsRequest(url, { ...options, ...(caCertificate === undefined ? {} : { ca: caCertificate }) });
  asking.on('error', reject).on('response', resolve).end(body);
  return await promise;
}
