import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { notifyServiceManager } from './notify.ts';

/** Node has no datagram sockets of this family, so the service manager's end is a few lines of Perl, which every Debian has. */
const LISTENER = `
use Socket; $| = 1;
my $name = shift; $name =~ s/^@/\\0/;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($s, pack_sockaddr_un($name)) or die $!;
print "ready\\n";
recv($s, my $message, 4096, 0); print $message;`;

describe('notifying the service manager', () => {
  test.each([
    ['a socket in the file system', (dir: string) => join(dir, 'notify')],
    ['an abstract socket', (dir: string) => `@${dir}/notify`],
  ])('%s gets one datagram', async (_name, socketOf) => {
    await using dir = await makeTempDir('notify-test');
    const socket = socketOf(dir.path);
    const listener = spawn('perl', ['-e', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(listener, 'close');
    let heard = '';
    listener.stdout.setEncoding('utf8').on('data', (piece: string) => {
      heard += piece;
    });
    await once(listener.stdout, 'data');
    expect(await notifyServiceManager({ READY: '1', STATUS: 'two\nlines' }, socket)).toBe(true);
    await ended;
    expect(heard).toBe('ready\nREADY=1\nSTATUS=two lines\n');
  });

  test('nobody listening', async () => {
    expect(await notifyServiceManager({ READY: '1' }, '')).toBe(false);
    await expect(notifyServiceManager({ READY: '1' }, '/nonexistent/notify')).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'sendto',
    });
  });
});
