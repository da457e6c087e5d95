import { execFileSync, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { hasSshBanner, quoteForShell, sshCommand } from './ssh.ts';

const TARGET = { port: 4022, privateKeyPath: '/key', directory: '/dir' };

describe('ssh', () => {
  test('an argument array arrives word for word through the shell of the guest', () => {
    const words = ['plain', 'two words', "it's", '$HOME `id` "x" \\ * \n end', ''];
    const shown = execFileSync('sh', ['-c', `printf '%s\\0' ${quoteForShell(words)}`], { encoding: 'utf8' });
    expect(shown.split('\0').slice(0, -1)).toEqual(words);
  });

  test('a script runs under sh -eu', () => {
    const argv = sshCommand(TARGET, 'echo "$x"');
    expect(argv[0]).toBe('ssh');
    expect(argv.slice(-4, -1)).toEqual(['-p', '4022', 'root@127.0.0.1']);
    expect(argv.at(-1)).toMatch(/'sh' '-euc' 'echo "\$x"'$/);
    expect(argv).toContain('ControlPath=/dir/ssh');
  });

  test.each([
    [['sh', '-c', 'kill -9 $$'] as const, 137],
    ['kill -15 $$', 143],
    ['exit 3', 3],
    [['true'] as const, 0],
  ])('the end of %j arrives as %i', (command, expected) => {
    const remote = sshCommand(TARGET, command).at(-1) ?? '';
    expect(spawnSync('sh', ['-c', remote]).status).toBe(expected);
  });

  test('a directory too deep for a socket means no shared connection', () => {
    expect(sshCommand({ ...TARGET, directory: `/${'d'.repeat(100)}` }, ['true'])).toContain(
      'ControlPath=none',
    );
  });

  test.each([
    ['SSH-2.0-OpenSSH_10.0\r\n', true],
    ['HTTP/1.0 200\r\n', false],
    ['', false],
  ])('a server that says %j: %s', async (greeting, expected) => {
    await using server = createServer((socket) => socket.end(greeting));
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    expect(await hasSshBanner(port, 60_000, new AbortController().signal)).toBe(expected);
  });
});
