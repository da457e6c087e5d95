import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { lockFile, tryLockFile, unlockFile } from './lock.ts';

describe('locks', () => {
  test('shared locks stand together, an exclusive one alone', async () => {
    await using dir = await makeTempDir('lock-test');
    await using one = await open(join(dir.path, 'lock'), 'w');
    await using other = await open(join(dir.path, 'lock'), 'r');

    expect(tryLockFile(one.fd, 'shared')).toBe(true);
    expect(tryLockFile(other.fd, 'shared')).toBe(true);
    expect(tryLockFile(one.fd, 'exclusive')).toBe(false);
    unlockFile(other.fd);
    expect(tryLockFile(one.fd, 'exclusive')).toBe(true);
    expect(tryLockFile(other.fd, 'shared')).toBe(false);
  });

  test('waits until the holder closes its file', async () => {
    await using dir = await makeTempDir('lock-test');
    const holder = await open(join(dir.path, 'lock'), 'w');
    await using waiter = await open(join(dir.path, 'lock'), 'r');
    await lockFile(holder.fd, 'exclusive');

    const events: string[] = [];
    const waiting = lockFile(waiter.fd, 'exclusive').then(() => events.push('taken'));
    expect(tryLockFile(waiter.fd, 'exclusive')).toBe(false);
    events.push('closing');
    await holder.close();
    await waiting;
    expect(events).toEqual(['closing', 'taken']);
  });

  test('a wait can be cancelled', async () => {
    await using dir = await makeTempDir('lock-test');
    await using holder = await open(join(dir.path, 'lock'), 'w');
    await using waiter = await open(join(dir.path, 'lock'), 'r');
    await lockFile(holder.fd, 'exclusive');

    const abort = new AbortController();
    const waiting = lockFile(waiter.fd, 'exclusive', { signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await expect(lockFile(waiter.fd, 'shared', { signal: abort.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});
