import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import type { FleetServer } from '../server/serve-fleet.ts';

/** An answer with all that a client of another protocol looks at. */
export interface RawAnswer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

/** The same with its headers, and as bytes. */
export interface RawBytes {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

/** Asks a server as a client that is none of ours: with exactly these headers, and no other. */
export async function askRaw(
  server: FleetServer,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Uint8Array,
): Promise<RawAnswer> {
  const answer = await askBytes(server, method, path, headers, body);
  return {
    status: answer.status,
    type: answer.headers['content-type'],
    text: answer.bytes.toString('utf8'),
  };
}

/** The same, with all that is answered. */
export async function askBytes(
  { url, authority }: Pick<FleetServer, 'url' | 'authority'>,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Uint8Array,
): Promise<RawBytes> {
  const { promise, resolve, reject } = Promise.withResolvers<RawBytes>();
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const options = { method, ca: authority, headers: { ...headers, ...length }, agent: false } as const;
  const asking = request(url + path, options, (response) => {
    const chunks: Buffer[] = [];
    response.on('error', reject).on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        bytes: Buffer.concat(chunks),
      }),
    );
  });
  asking.on('error', reject);
  asking.end(body);
  return await promise;
}
