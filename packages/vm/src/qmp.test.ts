import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { QmpClient } from './qmp.ts';

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\r\n';

/** A client past its greeting, and QEMU's end of the connection. */
async function connected(): Promise<{ readonly qmp: QmpClient; readonly qemu: Duplex }> {
  const [socket, qemu] = duplexPair();
  const connecting = QmpClient.connect(socket);
  qemu.write(GREETING);
  await once(qemu, 'readable');
  expect(String(qemu.read())).toBe('{"execute":"qmp_capabilities","arguments":{}}\n');
  qemu.write('{"return": {}}\r\n');
  return { qmp: await connecting, qemu };
}

describe('the machine protocol', () => {
  test('answers come in order, however the bytes are cut; events in between', async () => {
    const { qmp, qemu } = await connected();
    const first = qmp.execute('query-status');
    const second = qmp.execute('cont', { a: 1 });
    const answers = [
      '{"event": "RESUME", "timestamp": {}}\r\n',
      '{"return": {"status": "running"}}\r\n',
      '{"error": {"class": "X", "desc": "no"}}\r\n',
    ];
    for (const character of answers.join('')) qemu.write(character);
    expect(await first).toEqual({ status: 'running' });
    await expect(second).rejects.toMatchObject({
      code: 'VM_FAILED',
      message: expect.stringContaining('cont: no'),
    });
    qemu.end();
    expect(await Array.fromAsync(qmp.events())).toEqual([{ event: 'RESUME', data: {} }]);
    expect(await text(qemu)).toBe(
      '{"execute":"query-status","arguments":{}}\n{"execute":"cont","arguments":{"a":1}}\n',
    );
  });

  test.each(['not json\n', '[]\n', '{"what": 1}\n', '{"error": "text"}\n', 'null\n'])(
    '%j ends the connection with an error, for everybody who waits',
    async (line) => {
      const { qmp, qemu } = await connected();
      const waiting = Promise.allSettled([qmp.execute('one'), qmp.execute('two')]);
      qemu.write(line);
      const failed = { status: 'rejected', reason: { code: 'VM_FAILED' } };
      expect(await waiting).toMatchObject([failed, failed]);
      await expect(qmp.execute('three')).rejects.toMatchObject({ code: 'VM_FAILED' });
    },
  );

  test('an answer nobody asked for ends the connection', async () => {
    const { qmp, qemu } = await connected();
    qemu.write('{"return": {}}\n');
    expect(await Array.fromAsync(qmp.events())).toEqual([]);
    await expect(qmp.execute('one')).rejects.toThrow(/nobody asked/);
  });

  test('QEMU ends before it greets', async () => {
    const [socket, qemu] = duplexPair();
    const connecting = QmpClient.connect(socket);
    qemu.end();
    await expect(connecting).rejects.toMatchObject({ code: 'VM_FAILED' });
  });
});
