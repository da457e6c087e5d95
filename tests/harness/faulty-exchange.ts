/** One request through the fault proxy: asked of the server behind it, and answered as the fault wants it. */

import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, request as requestTls } from 'node:https';
import { finished, pipeline } from 'node:stream/promises';
import type { Fault, SeenRequest } from './fault.ts';

/** How the server behind the proxy is spoken to. */
export interface UpstreamOptions {
  /** The registry speaks TLS with this certificate and key, and so does the proxy. */
  readonly tls?: { readonly certificatePath: string; readonly keyPath: string };
  /** Sent to the registry with every request, as storage does that knows by itself who may read. */
  readonly authorization?: string;
}

/** The server behind the proxy. */
export interface Upstream extends Pick<UpstreamOptions, 'authorization'> {
  readonly host: string;
  readonly port: string;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined;
}

/** Reads what is needed to speak to it. */
export async function upstreamOf(
  hostPort: string,
  { tls, authorization }: UpstreamOptions,
): Promise<Upstream> {
  const [host = '', port = ''] = hostPort.split(':');
  const files =
    tls === undefined
      ? undefined
      : { cert: await readFile(tls.certificatePath), key: await readFile(tls.keyPath) };
  return { host, port, tls: files, ...(authorization === undefined ? {} : { authorization }) };
}

/** A server that speaks as the one behind it does. */
export function listenerFor(
  { tls }: Upstream,
  listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
): Server {
  return tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
}

/** Answers one request. */
export async function serve(
  upstream: Upstream,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: Fault | undefined,
  seen: SeenRequest,
): Promise<void> {
  if (fault?.kind === 'drop') {
    incoming.socket.destroy();
    return;
  }
  if (fault?.kind === 'silence') {
    incoming.resume();
    return;
  }
  if (fault?.kind === 'redirect') {
    seen.status = fault.status;
    incoming.resume();
    outgoing.writeHead(fault.status, { location: `${fault.to}${incoming.url ?? ''}` }).end();
    return;
  }
  if (fault?.kind === 'status') {
    seen.status = fault.status;
    incoming.resume();
    outgoing.writeHead(fault.status, fault.headers).end();
    return;
  }
  const answer = await forward(upstream, incoming, fault, seen);
  if (fault?.kind === 'lose-answer') {
    answer.resume();
    await finished(answer);
    incoming.socket.destroy();
    return;
  }
  seen.status = answer.statusCode ?? 502;
  outgoing.writeHead(seen.status, headersOf(answer, fault));
  // The head leaves before a byte of the body does, or a connection cut at byte 0 would look like a server that is not there.
  outgoing.flushHeaders();
  if (incoming.method === 'HEAD') {
    answer.resume();
    await finished(outgoing.end());
    return;
  }
  await sendBody(answer, outgoing, fault, seen);
}

/** Names and values in turn, as they came but for what the fault changes. */
function headersOf(answer: IncomingMessage, fault: Fault | undefined): string[] {
  const changed: Readonly<Record<string, string>> =
    fault?.kind === 'headers'
      ? fault.headers
      : fault?.kind === 'truncate'
        ? { 'content-length': String(fault.toBytes) }
        : {};
  const pairs = answer.rawHeaders.flatMap((name, index, all) =>
    index % 2 === 0 ? [[name, all[index + 1] ?? ''] as const] : [],
  );
  const kept = pairs.filter(([name]) => !Object.hasOwn(changed, name.toLowerCase()));
  return [...kept, ...Object.entries(changed)].flat();
}

/** Asks the server the same; the Host header stays the client's, so that the places it is sent to are here. */
async function forward(
  { host, port, tls, authorization }: Upstream,
  incoming: IncomingMessage,
  fault: Fault | undefined,
  seen: SeenRequest,
): Promise<IncomingMessage> {
  const { range, ...rest } = incoming.headers;
  const identity = fault?.kind === 'authorization' ? fault.value : authorization;
  const headers = {
    ...rest,
    ...(fault?.kind === 'ignore-range' || range === undefined ? {} : { range }),
    ...(identity === undefined ? {} : { authorization: identity }),
  };
  const options = { method: incoming.method, path: incoming.url, headers, agent: false as const, host, port };
  const outward = tls === undefined ? request(options) : requestTls({ ...options, ca: tls.cert });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  outward.once('response', resolve).once('error', reject);
  const body =
    fault?.kind === 'cut-upload' ? upTo(incoming, fault.afterBytes, seen) : counted(incoming, seen);
  await Promise.race([pipeline(body, outward), promise]);
  return promise;
}

async function* counted(
  incoming: IncomingMessage,
  seen: SeenRequest,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    seen.receivedBytes += chunk.length;
    yield chunk;
  }
}

/** The start of what a client sends, and then nobody is there any more: neither for it nor for the server. */
async function* upTo(
  incoming: IncomingMessage,
  afterBytes: number,
  seen: SeenRequest,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of counted(incoming, seen)) {
    const left = afterBytes - (seen.receivedBytes - chunk.length);
    if (left > 0) yield chunk.subarray(0, left);
    if (seen.receivedBytes >= afterBytes) break;
  }
  incoming.socket.destroy();
  throw new Error('cut as told');
}

/** Where in the document an answer's first byte stands. */
function firstByteOf(answer: IncomingMessage): number {
  return Number(/^bytes (?<first>\d+)-/.exec(answer.headers['content-range'] ?? '')?.groups?.['first'] ?? 0);
}

async function sendBody(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  fault: Fault | undefined,
  seen: SeenRequest,
): Promise<void> {
  const end = endOf(fault);
  const position = firstByteOf(answer);
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (fault?.kind === 'corrupt') flip(chunk, fault.atByte - position - seen.sentBytes);
    const part = chunk.subarray(0, end - seen.sentBytes);
    // Each part has left before anything breaks, so that the client has received exactly what was promised.
    await write(outgoing, part);
    seen.sentBytes += part.length;
    if (seen.sentBytes < end) continue;
    if (fault?.kind === 'truncate') break;
    if (fault?.kind === 'cut') outgoing.socket?.destroySoon();
    await finished(outgoing);
  }
  await finished(outgoing.end());
}

/** How much of a body is sent. */
function endOf(fault: Fault | undefined): number {
  if (fault?.kind === 'truncate') return fault.toBytes;
  return fault?.kind === 'cut' || fault?.kind === 'stall' ? fault.afterBytes : Number.POSITIVE_INFINITY;
}

function flip(chunk: Buffer, at: number): void {
  if (at >= 0 && at < chunk.length) chunk.writeUInt8(chunk.readUInt8(at) ^ 0xff, at);
}

async function write(outgoing: ServerResponse, bytes: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  outgoing.write(bytes, (cause) => (cause ? reject(cause) : resolve()));
  await promise;
}
