import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError, makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { lockHost } from './lock.ts';

const clock = { nowMs: () => Date.UTC(2026, 0, 1) };

test('the lock of a host is held by one, who is named to the others', async () => {
  await using dir = await makeTempDir('lock');
  const path = join(dir.path, 'lock');
  {
    await using _first = await lockHost(path, 'slipway upgrade', { clock });
    const thrown: unknown = await lockHost(path, 'slipway rollback', { clock }).catch(
      (error: unknown) => error,
    );
    expect(isSlipwayError(thrown, 'HOST_LOCKED') && thrown.message).toBe(
      `cannot run slipway rollback: slipway upgrade (process ${process.pid}, since 2026-01-01T00:00:00Z) is changing this host`,
    );
  }
  await using _second = await lockHost(path, 'slipway rollback', { clock });
});

test('a holder that never gave it back is named to the next', async () => {
  await using dir = await makeTempDir('lock');
  const path = join(dir.path, 'lock');
  const killed = { command: 'slipway upgrade', pid: 4711, since: '2026-01-01T00:00:00Z' };
  await writeFile(path, `${JSON.stringify(killed)}\n`);
  {
    await using lock = await lockHost(path, 'slipway rollback', { clock });
    expect(lock.leftBy).toEqual(killed);
  }
  await using lock = await lockHost(path, 'slipway rollback', { clock });
  expect(lock.leftBy).toBeUndefined();
});

test('a waiting caller gets the lock when it is given back', async () => {
  await using dir = await makeTempDir('lock');
  const path = join(dir.path, 'lock');
  const first = await lockHost(path, 'slipway upgrade', { clock });
  const second = lockHost(path, 'slipway internals finalize', { clock, waitMs: 60_000 });
  await first[Symbol.asyncDispose]();
  await using _second = await second;
});
