import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { makeNode } from './node.ts';

describe('special files', () => {
  test('fifos and sockets', async () => {
    await using dir = await makeTempDir('node-test');
    makeNode(join(dir.path, 'fifo'), { kind: 'fifo' }, 0o600);
    makeNode(join(dir.path, 'socket'), { kind: 'socket' }, 0o600);
    expect(lstatSync(join(dir.path, 'fifo')).isFIFO()).toBe(true);
    expect(lstatSync(join(dir.path, 'fifo')).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(dir.path, 'socket')).isSocket()).toBe(true);
    expect(() => makeNode(join(dir.path, 'fifo'), { kind: 'fifo' }, 0o600)).toThrow(
      expect.objectContaining({ code: 'EEXIST', syscall: 'mknod' }),
    );
  });

  test('devices, with numbers past eight bits, for who may; EPERM for who may not', async () => {
    await using dir = await makeTempDir('node-test');
    const path = join(dir.path, 'device');
    try {
      makeNode(path, { kind: 'block-device', major: 259, minor: 70_000 }, 0o600);
      const { rdev } = lstatSync(path);
      expect(lstatSync(path).isBlockDevice()).toBe(true);
      // The layout of dev_t in the C library: low 8 bits of minor, 12 of major, the rest of minor.
      expect(rdev).toBe((70_000 & 0xff) | (259 << 8) | ((70_000 >> 8) << 20));
    } catch (cause) {
      expect(cause).toMatchObject({ code: 'EPERM' });
    }
  });
});
