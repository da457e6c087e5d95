import type { TarEntry } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { layerEntry, layerOf } from './tree-layers.ts';

const EPOCH = 1_700_000_000;

function member(changes: Partial<TarEntry>): TarEntry {
  return {
    kind: 'file',
    path: './usr/bin/true',
    linkTarget: '',
    mode: 0o755,
    uid: 0,
    gid: 0,
    sizeBytes: 0,
    mtimeSec: EPOCH,
    mtimeNsec: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
    body: (async function* () {})(),
    ...changes,
  };
}

describe('the layer of a path', () => {
  test.each([
    ['usr/bin/bash', 'system'],
    ['usr/lib/modules', 'system'],
    ['usr/lib/modules/6.12.1-amd64', 'kernel'],
    ['usr/lib/modules/6.12.1-amd64/initramfs.img', 'kernel'],
    ['usr/bin/slipway', 'slipway'],
    ['usr/lib/systemd/system/slipway-booted.service', 'slipway'],
  ])('%s is in %s', (path, layer) => {
    const own = new Set(['usr/bin/slipway', 'usr/lib/systemd/system/slipway-booted.service']);

    expect(layerOf(path, own)).toBe(layer);
  });
});

describe('a member of the tree in a layer', () => {
  test('loses its leading dot, and time after the epoch', () => {
    const entry = layerEntry(member({ mtimeSec: EPOCH + 5, mtimeNsec: 7 }), EPOCH);

    expect(entry).toMatchObject({ path: 'usr/bin/true', mtimeSec: EPOCH, mtimeNsec: 0 });
  });

  test('keeps an older time and everything else', () => {
    const xattrs = new Map([['security.capability', Buffer.from([1, 0xff])]]);
    const entry = layerEntry(member({ mtimeSec: 5, uid: 3, mode: 0o4755, xattrs }), EPOCH);

    expect(entry).toMatchObject({ mtimeSec: 5, uid: 3, mode: 0o4755, xattrs });
  });

  test('keeps the target of a symlink and mends the one of a hard link', () => {
    expect(layerEntry(member({ kind: 'symlink', linkTarget: './x' }), EPOCH)?.linkTarget).toBe('./x');
    expect(layerEntry(member({ kind: 'hardlink', linkTarget: './usr/x' }), EPOCH)?.linkTarget).toBe('usr/x');
  });

  test('names a directory with a slash', () => {
    expect(layerEntry(member({ kind: 'directory', path: './usr/' }), EPOCH)?.path).toBe('usr/');
  });

  test.each(['./', '.', '/', './dev/null'])('%s is left out', (path) => {
    expect(layerEntry(member({ path, kind: 'directory' }), EPOCH)).toBeUndefined();
  });
});
