/** An HTTP proxy before a registry that does what networks do, for tests. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What goes wrong with one request. */
export type Fault =
  /** Answered by the proxy itself. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** The connection breaks after this much of the body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Nothing more comes after this much of the body. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** One byte of the body is another. */
  | { readonly kind: 'corrupt'; readonly atByte: number }
  /** The connection breaks after this much of what the client sends. */
  | { readonly kind: 'cut-upload'; readonly afterBytes: number }
  /** The registry does not see the header. */
  | { readonly kind: 'drop-header'; readonly name: string };

/** One request that came by. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** The running proxy. */
export interface FaultProxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly seen: Seen[];
  /** Asked for each request; undefined lets it pass. */
  fault: (request: Seen) => Fault | undefined;
}

/** Starts a proxy to `upstream` (`host:port`). */
export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  const server = createServer((incoming, outgoing) => {
    const seen: Seen = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      authorization: incoming.headers.authorization,
      range: incoming.headers.range,
    };
    proxy.seen.push(seen);
    const fault = proxy.fault(seen);
    if (fault?.kind === 'answer') {
      incoming.resume();
      outgoing.writeHead(fault.status, fault.headers).end(fault.body ?? '');
    } else forward(upstream, incoming, outgoing, fault);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const proxy: FaultProxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    fault: () => undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

function forward(
  upstream: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: Fault | undefined,
): void {
  const headers = { ...incoming.headers };
  if (fault?.kind === 'drop-header') delete headers[fault.name];
  const [host, port] = upstream.split(':');
  const onward = request({ host, port, method: incoming.method, path: incoming.url, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    relay(answer, outgoing, fault);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.on('error', () => onward.destroy());
  if (fault?.kind === 'cut-upload') {
    let passed = 0;
    incoming.on('data', (chunk: Buffer) => {
      passed += chunk.length;
      if (passed < fault.afterBytes) return;
      onward.destroy();
      incoming.destroy();
    });
  } else incoming.pipe(onward);
}

function relay(answer: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
  if (fault?.kind !== 'cut' && fault?.kind !== 'stall' && fault?.kind !== 'corrupt') {
    answer.pipe(outgoing);
    return;
  }
  let passed = 0;
  answer.on('data', (chunk: Buffer) => {
    const start = passed;
    passed += chunk.length;
    if (fault.kind === 'corrupt') {
      const at = fault.atByte - start;
      if (at >= 0 && at < chunk.length) chunk[at] = (chunk[at] ?? 0) ^ 0xff;
      outgoing.write(chunk);
      return;
    }
    if (start > fault.afterBytes) return;
    const isLast = passed >= fault.afterBytes;
    outgoing.write(chunk.subarray(0, fault.afterBytes - start), () => {
      if (fault.kind === 'cut' && isLast) outgoing.destroy();
    });
  });
  answer.on('end', () => {
    if (fault.kind === 'corrupt' || passed < fault.afterBytes) outgoing.end();
  });
}
