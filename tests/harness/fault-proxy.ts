/**
 * A proxy in front of a registry that fails when told to: connections cut in the middle of a blob, servers that are busy, bytes
 * that change on the way, answers that never end. It counts what it is asked, so that a test can tell a resumed download from a repeated one.
 */
import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fault, SeenRequest } from './fault.ts';
import { listenerFor, serve, type UpstreamOptions, upstreamOf } from './faulty-exchange.ts';
import { HOST_SEEN_BY_GUEST } from './registry.ts';

/** When a fault strikes. */
export interface FaultTarget {
  /** Tested against the request's path; default: blobs. */
  readonly path?: RegExp;
  /** Default `GET`. */
  readonly method?: string;
  /** How many requests it strikes; default 1. */
  readonly times?: number;
  /** Only requests that say who sends them. Default: all. */
  readonly authorizedOnly?: boolean;
}

/** A running proxy. */
export interface FaultProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as it stands in an image reference. */
  readonly hostPort: string;
  /** `http://127.0.0.1:PORT`, or https. */
  readonly url: string;
  /** The same from inside a virtual machine. */
  readonly guestHostPort: string;
  /** Everything asked so far, oldest first. */
  readonly requests: readonly SeenRequest[];
  /** Requests for blobs, of a digest where one is given. */
  blobRequests(digest?: string): readonly SeenRequest[];
  /** Fails from now on; faults strike in the order they were given. */
  inject(fault: Fault, target?: FaultTarget): void;
  /** Forgets faults that have not struck, and what was seen. */
  clear(): void;
}

const BLOBS = /\/blobs\/sha256:/;

interface Injected {
  readonly fault: Fault;
  readonly path: RegExp;
  readonly method: string;
  readonly authorizedOnly: boolean;
  left: number;
}

/** Starts a proxy for an http server at `127.0.0.1:PORT`. */
export async function startFaultProxy(
  targetHostPort: string,
  options: UpstreamOptions = {},
): Promise<FaultProxy> {
  const injected: Injected[] = [];
  const requests: SeenRequest[] = [];
  const upstream = await upstreamOf(targetHostPort, options);
  const server = listenerFor(upstream, (incoming, outgoing) => {
    const fault = takeFault(injected, incoming);
    const seen = see(incoming, fault);
    requests.push(seen);
    // A client that goes away, or a connection we cut, is what this is for.
    serve(upstream, incoming, outgoing, fault, seen).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    hostPort: `127.0.0.1:${port}`,
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    guestHostPort: `${HOST_SEEN_BY_GUEST}:${port}`,
    requests,
    blobRequests: (digest = '') =>
      requests.filter((seen) => BLOBS.test(seen.path) && seen.path.endsWith(digest) && seen.method === 'GET'),
    inject: (fault, { path = BLOBS, method = 'GET', times = 1, authorizedOnly = false } = {}) =>
      void injected.push({ fault, path, method, left: times, authorizedOnly }),
    clear() {
      injected.length = 0;
      requests.length = 0;
    },
    [Symbol.asyncDispose]: () => close(server),
  };
}

function takeFault(injected: Injected[], incoming: IncomingMessage): Fault | undefined {
  const found = injected.find(
    ({ path, method, left, authorizedOnly }) =>
      left > 0 &&
      method === incoming.method &&
      path.test(incoming.url ?? '') &&
      (!authorizedOnly || incoming.headers.authorization !== undefined),
  );
  if (found === undefined) return undefined;
  found.left -= 1;
  return found.fault;
}

function see(incoming: IncomingMessage, fault: Fault | undefined): SeenRequest {
  return {
    method: incoming.method ?? '',
    path: (incoming.url ?? '').replace(/\?.*/, ''),
    range: incoming.headers.range,
    isAuthorized: incoming.headers.authorization !== undefined,
    receivedBytes: 0,
    status: 0,
    sentBytes: 0,
    fault: fault?.kind,
  };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
