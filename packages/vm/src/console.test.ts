import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { VmConsole } from './console.ts';

describe('the console', () => {
  test('is lines without colours, cursor movements and carriage returns, however the bytes are cut', async () => {
    const bytes = Buffer.from(
      '\u001b[2J\u001b[=3h\u001b[01;01H[\u001b[0;32m  OK  \u001b[0m] Stärted\r\n\u001b(Bnext\tline\r\nlog',
    );
    const output = new PassThrough();
    const console = new VmConsole(new PassThrough(), output);
    for (const byte of bytes) output.write(Uint8Array.of(byte));
    output.end();
    expect(await Array.fromAsync(console.lines())).toEqual(['[  OK  ] Stärted', 'next\tline', 'log']);
    expect(console.last(2)).toEqual(['next\tline', 'log']);
  });

  test('a line without end is cut into pieces', async () => {
    const output = new PassThrough();
    const console = new VmConsole(new PassThrough(), output);
    output.end('x'.repeat(10_000));
    const lines = await Array.fromAsync(console.lines());
    expect(lines.map((line) => line.length)).toEqual([4096, 4096, 1808]);
  });

  test('finds a line that came or is to come, or says that none did', async () => {
    const output = new PassThrough();
    const console = new VmConsole(new PassThrough(), output);
    output.write('one\ntwo\n');
    expect(await console.find(/^o/)).toBe('one');
    const late = console.find(/three/);
    const never = console.find(/four/);
    output.end('three\n');
    expect(await late).toBe('three');
    expect(await never).toBeUndefined();
  });

  test('a person types, reads, and leaves with Ctrl-]', async () => {
    const machine = { input: new PassThrough(), output: new PassThrough() };
    const person = { input: new PassThrough(), output: new PassThrough() };
    const console = new VmConsole(machine.input, machine.output);
    const attached = console.attach(person);
    machine.output.write('login: ');
    expect(String(await nextChunk(person.output))).toBe('login: ');
    person.input.write('root\n\u001dleft out');
    expect(await attached).toBe('detached');
    expect(String(machine.input.read())).toBe('root\n');
    expect(console.last(1)).toEqual(['login: ']);
  });

  test('the machine ends while somebody watches', async () => {
    const output = new PassThrough();
    const console = new VmConsole(new PassThrough(), output);
    const attached = console.attach({ input: new PassThrough(), output: new PassThrough() });
    output.destroy();
    expect(await attached).toBe('ended');
  });
});

async function nextChunk(stream: PassThrough): Promise<unknown> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) return chunk;
  return undefined;
}
