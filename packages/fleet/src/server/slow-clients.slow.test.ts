/** Clients that keep connections open by saying little, and those that say too much. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../testing/running-server.ts';

const PATIENCE_MS = 300_000;
/** Short, so that it is soon over; nothing here asks how soon. */
const RECEIVE_TIMEOUT_MS = 300;
const DRIP_MS = 20;
const LOGIN = 'POST /api/v1/sessions HTTP/1.1\r\nHost: fleet\r\nContent-Type: application/json\r\n';

let directory: TempDir;
beforeAll(async () => {
  directory = await makeTempDir('fleet-slow-clients');
});
afterAll(async () => await directory[Symbol.asyncDispose]());

/** What the server said until it ended the connection. A connection that stays fails by the patience of the test. */
async function untilClosed(socket: Socket, say: (socket: Socket) => Promise<void>): Promise<string> {
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  const closed = Promise.withResolvers<void>();
  socket.once('close', () => closed.resolve());
  await say(socket);
  await closed.promise;
  return heard;
}

/** Says one character after another for as long as somebody listens. */
async function drip(socket: Socket, character: string): Promise<void> {
  while (socket.writable) {
    socket.write(character);
    await sleep(DRIP_MS);
  }
}

describe.each([
  ['alone', false],
  ['with a registry', true],
] as const)('a server %s', { timeout: PATIENCE_MS }, (kind, hasRegistry) => {
  let running: RunningServer;
  beforeAll(async () => {
    running = await startServer({
      database: join(directory.path, `${kind}.db`),
      receiveTimeoutMs: RECEIVE_TIMEOUT_MS,
      ...(hasRegistry ? { registryRoot: join(directory.path, 'registry') } : {}),
    });
  }, PATIENCE_MS);
  afterAll(async () => await running[Symbol.asyncDispose]());

  const connected = async (): Promise<Socket> => {
    const { hostname, port } = new URL(running.server.url);
    const socket = connectTls({ host: hostname, port: Number(port), ca: running.server.authority });
    await once(socket, 'secureConnect');
    return socket;
  };

  test('ends a connection that begins no handshake', async () => {
    const { hostname, port } = new URL(running.server.url);
    const socket = connectTcp({ host: hostname, port: Number(port) });
    expect(await untilClosed(socket, async () => undefined)).toBe('');
  });

  test('ends one whose headers never end, however long they go on', async () => {
    const socket = await connected();
    const heard = await untilClosed(socket, async () => {
      socket.write('GET /healthz HTTP/1.1\r\nHost: fleet\r\nX-Slow: ');
      await drip(socket, 'a');
    });
    expect(heard).not.toContain('HTTP/1.1 200');
  });

  test.each([
    ['of a length', 'Content-Length: 100000\r\n\r\n', '{'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n', '1\r\n{\r\n'],
  ])('ends one whose body %s never ends', async (_what, rest, piece) => {
    const socket = await connected();
    const heard = await untilClosed(socket, async () => {
      socket.write(LOGIN + rest);
      await drip(socket, piece);
    });
    expect(heard).not.toContain('HTTP/1.1 201');
  });

  test('takes no body that is too large, whether it says so or not', async () => {
    const told = await connected();
    const refused = await untilClosed(told, async () => {
      told.write(`${LOGIN}Connection: close\r\nContent-Length: ${3 * 2 ** 20}\r\n\r\n`);
    });
    expect(refused).toContain('HTTP/1.1 413');
    const silent = await connected();
    const chunk = `${(2 ** 20).toString(16)}\r\n${'x'.repeat(2 ** 20)}\r\n`;
    const cut = await untilClosed(silent, async () => {
      silent.write(`${LOGIN}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n`);
      for (let sent = 0; sent < 4 && silent.writable; sent += 1) silent.write(chunk);
    });
    expect(cut).not.toContain('HTTP/1.1 201');
  });

  test('takes no headers that are too large, and answers others all the while', async () => {
    const socket = await connected();
    const heard = await untilClosed(socket, async () => {
      socket.write(`GET /healthz HTTP/1.1\r\nHost: fleet\r\nX-Large: ${'a'.repeat(64 * 1024)}\r\n\r\n`);
    });
    // A refusal may be lost where the rest of the headers is never read.
    expect(heard).toMatch(/^(?:HTTP\/1\.1 431|$)/);
    expect((await running.admin.call('fleets.list', {})).total).toBe(0);
  });
});
