import { request } from 'node:https';
import type { FleetServer } from '../server/serve-fleet.ts';

/** An answer with all that a client of another protocol looks at. */
export interface RawAnswer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

/** Asks a server as a client that is none of ours: with exactly these headers, and no other. */
export async function askRaw(
  { url, authority }: FleetServer,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string,
): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const options = { method, ca: authority, headers: { ...headers, ...length }, agent: false } as const;
  const asking = request(url + path, options, (response) => {
    const chunks: Buffer[] = [];
    response.on('error', reject).on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        type: response.headers['content-type'],
        text: Buffer.concat(chunks).toString('utf8'),
      }),
    );
  });
  asking.on('error', reject);
  asking.end(body);
  return await promise;
}
