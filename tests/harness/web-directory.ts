import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HOST_SEEN_BY_GUEST } from './registry.ts';

/** A directory served by HTTP. */
export interface WebDirectory extends AsyncDisposable {
  /** Where a virtual machine finds it, a slash at the end. */
  readonly guestUrl: string;
  /** Paths that were asked for, in order. */
  readonly requests: readonly string[];
}

/** Serves the files of a directory on the loopback, on a port the kernel chose. */
export async function serveDirectory(directory: string): Promise<WebDirectory> {
  const requests: string[] = [];
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    requests.push(pathname);
    // A machine that is switched off leaves in the middle.
    sendFile(join(directory, pathname), response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    guestUrl: `http://${HOST_SEEN_BY_GUEST}:${port}/`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function sendFile(path: string, response: ServerResponse): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  const isThere = found?.isFile() === true;
  response.writeHead(isThere ? 200 : 404, { 'content-length': isThere ? found.size : 0 });
  if (isThere) await pipeline(createReadStream(path), response);
  else response.end();
}
