import { isSlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { parseDump } from '../dump/parser.ts';
import { GOLDEN_DUMPS } from '../testing/golden-dumps.ts';
import type { DirectoryNode, LeafNode, Metadata, TreeNode } from '../tree.ts';
import { imageId } from '../verity/measure.ts';
import { writeErofs } from './writer.ts';

const META: Metadata = { mode: 0o755, uid: 0, gid: 0, mtimeSec: 1, mtimeNsec: 0, xattrs: new Map() };

function directory(entries: Readonly<Record<string, TreeNode>>, meta: Partial<Metadata> = {}): DirectoryNode {
  return { kind: 'directory', meta: { ...META, ...meta }, entries: new Map(Object.entries(entries)) };
}

function file(text: string, meta: Partial<Metadata> = {}): LeafNode {
  return {
    kind: 'regular',
    meta: { ...META, ...meta },
    content: { kind: 'inline', bytes: Buffer.from(text) },
  };
}

describe.each(GOLDEN_DUMPS)('$name gives the image mkcomposefs wrote', ({ bytes, imageIds }) => {
  const { root, facts } = parseDump(bytes);

  test('as its default version', () => {
    expect(imageId(writeErofs(root, { facts }), 'sha256')).toBe(imageIds[0]);
  });

  test('as version 1', () => {
    expect(imageId(writeErofs(root, { facts, minVersion: 1 }), 'sha256')).toBe(imageIds[1]);
  });
});

test('the order names were added in does not show', () => {
  const shared = file('shared');
  const one = directory({ b: file('b'), a: shared, z: directory({ k: file('k'), j: shared }) });
  const other = directory({ z: directory({ j: shared, k: file('k') }), a: shared, b: file('b') });
  expect(writeErofs(one).equals(writeErofs(other))).toBe(true);
});

test('the same node under two names is one inode with two links', () => {
  const linked = file('x');
  const image = writeErofs(directory({ a: linked, b: linked }));
  const apart = writeErofs(directory({ a: linked, b: file('x') }));
  expect(Number(image.readBigUInt64LE(1024 + 16))).toBe(Number(apart.readBigUInt64LE(1024 + 16)) - 1);
});

describe('refuses, naming the path', () => {
  const loop = new Map<string, TreeNode>();
  const inLoop: DirectoryNode = { kind: 'directory', meta: META, entries: loop };
  loop.set('again', inLoop);
  const twice = directory({});
  const cases: Readonly<Record<string, readonly [DirectoryNode, string]>> = {
    'a directory inside itself': [inLoop, '/again'],
    'a directory with two names': [directory({ a: twice, b: directory({ c: twice }) }), '/b/c'],
    'a name with a slash': [directory({ d: directory({ 'a/b': file('') }) }), '/d'],
    'a name of two dots': [directory({ d: directory({ '..': file('') }) }), '/d'],
    'an empty name': [directory({ '': file('') }), '/'],
    'a name that is not bytes': [directory({ '\u0416': file('') }), '/'],
    'a name with a NUL': [directory({ 'a\0': file('') }), '/'],
    'a name that is too long': [directory({ ['n'.repeat(256)]: file('') }), '/'],
    'a mode with a type': [directory({ f: file('', { mode: 0o100644 }) }), '/f'],
    'a negative owner': [directory({ f: file('', { uid: -1 }) }), '/f'],
    'a group past 32 bits': [directory({ f: file('', { gid: 2 ** 32 }) }), '/f'],
    'half a second': [directory({ f: file('', { mtimeSec: 0.5 }) }), '/f'],
    'a full second of nanoseconds': [directory({ f: file('', { mtimeNsec: 1_000_000_000 }) }), '/f'],
    'too much inline content': [directory({ f: file('x'.repeat(5001)) }), '/f'],
    'an empty symlink': [directory({ s: { kind: 'symlink', meta: META, target: '' } }), '/s'],
    'a symlink of 4096 bytes': [
      directory({ s: { kind: 'symlink', meta: META, target: 'x'.repeat(4096) } }),
      '/s',
    ],
    'a device number of 13 bits': [
      directory({ c: { kind: 'block-device', meta: META, major: 4096, minor: 0 } }),
      '/c',
    ],
    'a digest of 20 bytes': [
      directory({
        f: {
          kind: 'regular',
          meta: META,
          content: { kind: 'object', sizeBytes: 1, digest: Buffer.alloc(20) },
        },
      }),
      '/f',
    ],
    'a file past 2^53 bytes': [
      directory({
        f: {
          kind: 'regular',
          meta: META,
          content: { kind: 'object', sizeBytes: 2 ** 54, digest: undefined },
        },
      }),
      '/f',
    ],
    'attributes past 32 KiB': [
      directory({ f: file('', { xattrs: new Map([['user.a', Buffer.alloc(32_767)]]) }) }),
      '/f',
    ],
    'an attribute without a name': [
      directory({ f: file('', { xattrs: new Map([['', Buffer.alloc(1)]]) }) }),
      '/f',
    ],
  };

  test.each(Object.entries(cases))('%s', (_, [root, path]) => {
    const error = errorOf(() => writeErofs(root));
    expect(isSlipwayError(error, 'TREE_INVALID')).toBe(true);
    expect(isSlipwayError(error) ? error.details['path'] : undefined).toBe(path);
  });
});

test('a tree deeper than the call stack', () => {
  let root = directory({ bottom: file('here') });
  for (let depth = 0; depth < 50_000; depth += 1) root = directory({ d: root });
  expect(writeErofs(root).readUInt32LE(1024)).toBe(0xe0f5e1e2);
});

function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
