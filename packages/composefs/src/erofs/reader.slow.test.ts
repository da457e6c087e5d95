import { isSlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { parseDump } from '../dump/parser.ts';
import { writeDump } from '../dump/writer.ts';
import { GOLDEN_DUMPS } from '../testing/golden-dumps.ts';
import { randomDump } from '../testing/random-dump.ts';
import type { DirectoryNode, Metadata, TreeNode } from '../tree.ts';
import { EXTENDED_INODE, HEADER, INODE, SUPERBLOCK } from './format.ts';
import { readErofs, readErofsContents } from './reader.ts';
import { writeErofs } from './writer.ts';

const META: Metadata = { mode: 0o755, uid: 0, gid: 0, mtimeSec: 7, mtimeNsec: 0, xattrs: new Map() };
const DIGEST = Buffer.alloc(32, 0xab);

function directory(entries: Readonly<Record<string, TreeNode>>, meta: Metadata = META): DirectoryNode {
  return { kind: 'directory', meta, entries: new Map(Object.entries(entries)) };
}

/** An image again, from what was read of it. */
function again(image: Buffer): Buffer {
  const { root, facts, formatVersion } = readErofsContents(image);
  return writeErofs(root, { facts, minVersion: formatVersion, maxVersion: formatVersion });
}

function dumpOf(root: DirectoryNode): string {
  return Buffer.concat([...writeDump(root)]).toString('latin1');
}

describe('what is read and written again is the same image', () => {
  test.each(GOLDEN_DUMPS)('$name', ({ bytes }) => {
    const { root, facts } = parseDump(bytes);
    for (const minVersion of [0, 1] as const) {
      const image = writeErofs(root, { facts, minVersion });
      expect(again(image).equals(image)).toBe(true);
    }
  });

  test('60 random trees', () => {
    for (let seed = 5000; seed < 5060; seed += 1) {
      const { root, facts } = parseDump(Buffer.from(randomDump(seed), 'latin1'));
      const image = writeErofs(root, { facts });
      expect({ seed, same: again(image).equals(image) }).toEqual({ seed, same: true });
    }
  });
});

test('the tree that was written is the tree that is read', () => {
  const xattrs = new Map<string, Uint8Array>([
    ['security.capability', Buffer.from([1, 0, 0, 2, 0xff])],
    ['trusted.overlay.opaque', Buffer.from('y')],
    ['trusted.overlay.overlay.redirect', Buffer.from('/deep')],
    ['user.\xff', Buffer.alloc(0)],
  ]);
  const linked: TreeNode = {
    kind: 'regular',
    meta: META,
    content: { kind: 'inline', bytes: Buffer.from('two names') },
  };
  const tree = directory(
    {
      linked,
      elsewhere: directory({ linked, '\xff\xfe': { kind: 'fifo', meta: META } }),
      object: {
        kind: 'regular',
        meta: { ...META, xattrs },
        content: { kind: 'object', sizeBytes: 2 ** 40, digest: DIGEST },
      },
      whiteout: { kind: 'character-device', meta: { ...META, xattrs }, major: 0, minor: 0 },
      null: { kind: 'character-device', meta: META, major: 1, minor: 3 },
      disk: { kind: 'block-device', meta: META, major: 0xfff, minor: 0xfffff },
      socket: { kind: 'socket', meta: { ...META, mtimeSec: -1, mtimeNsec: 999_999_999 } },
      symlink: { kind: 'symlink', meta: META, target: '../\xe4' },
      '00': directory({}, { ...META, xattrs }),
    },
    { ...META, xattrs },
  );
  const read = readErofs(writeErofs(tree));
  // All but the root's own line: the mark of a whiteout's parent takes the place of its opaque mark (section 6).
  expect(dumpOf(read).split('\n').slice(1)).toEqual(dumpOf(tree).split('\n').slice(1));
  const elsewhere = read.entries.get('elsewhere');
  expect(elsewhere?.kind === 'directory' && elsewhere.entries.get('linked')).toBe(read.entries.get('linked'));
});

describe('refuses what is malformed, at its offset', () => {
  const good = writeErofs(
    directory({
      a: {
        kind: 'regular',
        meta: { ...META, mtimeSec: 8 },
        content: { kind: 'object', sizeBytes: 9, digest: DIGEST },
      },
      d: directory({ e: directory({}) }),
      f: { kind: 'regular', meta: META, content: { kind: 'inline', bytes: Buffer.from('body') } },
      l: { kind: 'symlink', meta: META, target: 'target' },
    }),
  );
  const rootOffset = good.readUInt16LE(SUPERBLOCK.offset + SUPERBLOCK.rootNid) * 32;
  const at = (name: string): number => offsetOf(good, rootOffset, name);
  const cases: Readonly<Record<string, (image: Buffer) => Buffer>> = {
    'an empty file': () => Buffer.alloc(0),
    'half an image': (image) => image.subarray(0, image.length / 2),
    'a longer image': (image) => Buffer.concat([image, Buffer.alloc(4096)]),
    'another magic': poke32(HEADER.magic, 1),
    'an unknown header version': poke32(HEADER.version, 2),
    'unknown flags': poke32(HEADER.flags, 2),
    'access lists that are not there': poke32(HEADER.flags, 1),
    'the old version 2': poke32(HEADER.formatVersion, 2),
    'another EROFS magic': poke32(SUPERBLOCK.offset, 0),
    'blocks of 512 bytes': poke8(SUPERBLOCK.offset + SUPERBLOCK.blockBits, 9),
    'compression features': poke32(SUPERBLOCK.offset + SUPERBLOCK.featureIncompat, 1),
    'a root outside': poke16(SUPERBLOCK.offset + SUPERBLOCK.rootNid, 0xffff),
    'a root before the inodes': poke16(SUPERBLOCK.offset + SUPERBLOCK.rootNid, 1),
    'a root that is a file': poke16(SUPERBLOCK.offset + SUPERBLOCK.rootNid, at('f') / 32),
    'a wrong count of inodes': poke32(SUPERBLOCK.offset + SUPERBLOCK.inodeCount, 3),
    'a layout of compressed data': poke16(at('f') + INODE.format, (1 << 1) | 0),
    'a mode of no type': poke16(at('f') + INODE.mode, 0o644),
    'a directory entry of another type': poke16(at('f') + INODE.mode, 0o120644),
    'attributes past the end': poke16(at('a') + INODE.xattrCount, 0xffff),
    'attributes cut short': poke16(at('a') + INODE.xattrCount, 3),
    'a name filter that hides a name': poke32(at('a') + EXTENDED_INODE.sizeBytes, 0xffffffff),
    'a count of shared attributes past the body': poke8(at('a') + EXTENDED_INODE.sizeBytes + 4, 100),
    'a file of 2^60 bytes': poke32(at('a') + EXTENDED_INODE.fileSize + 4, 2 ** 28),
    'a file of other chunks': poke32(at('a') + EXTENDED_INODE.fileSize, 8193),
    'a time past a second': poke32(at('a') + EXTENDED_INODE.mtimeNsec, 1_000_000_000),
    'an inline file past its block': poke32(at('f') + 8, 5000),
    'a symlink without a target': poke32(at('l') + 8, 0),
    'a symlink that ends early': poke8(at('l') + 32, 0),
    'a directory with a wrong link count': poke16(at('d') + 6, 9),
    'a directory too small for its entries': poke32(at('d') + 8, 12),
    'a directory of no bytes': poke32(at('d') + 8, 0),
  };

  test('(and takes what is not)', () => {
    expect(new Set(readErofs(good).entries.keys())).toEqual(new Set(['a', 'd', 'f', 'l']));
  });

  test.each(Object.entries(cases))('%s', (_, change) => {
    const error = errorOf(() => readErofs(change(Buffer.from(good))));
    expect(isSlipwayError(error, 'EROFS_INVALID') ? error.details : error).toEqual({
      offset: expect.any(Number),
    });
  });

  test('a directory that holds itself', () => {
    const image = Buffer.from(good);
    const entry = entryOffset(image, at('d'), 'e');
    image.writeUInt32LE(at('d') / 32, entry);
    expect(messageOf(() => readErofs(image))).toContain('a directory has two names');
  });

  test('names out of order, which a kernel would not find', () => {
    const image = Buffer.from(good);
    image.write('\x01', nameOffset(image, at('d'), 'e'), 'latin1');
    expect(messageOf(() => readErofs(image))).toContain('not sorted');
  });

  test('a name with a slash', () => {
    const image = Buffer.from(good);
    image.write('/', nameOffset(image, at('d'), 'e'), 'latin1');
    expect(messageOf(() => readErofs(image))).toContain('no directory can hold');
  });

  test('a whiteout that acts', () => {
    const tree = directory({
      d: directory({ x: { kind: 'character-device', meta: META, major: 0, minor: 1 } }),
    });
    const image = writeErofs(tree);
    const offset = offsetOf(image, offsetOf(image, rootOffset, 'd'), 'x');
    image.writeUInt32LE(0, offset + INODE.data);
    expect(messageOf(() => readErofs(image))).toContain('a whiteout is not escaped');
  });
});

test('many directories over the same blocks cost no more than the image has', () => {
  const many: Record<string, TreeNode> = {};
  const crowded: Record<string, TreeNode> = {};
  for (let index = 0; index < 600; index += 1) {
    many[`d${index}`] = directory({});
    crowded[`a name of some length ${index}`] = { kind: 'fifo', meta: META };
  }
  const image = writeErofs(directory({ crowded: directory(crowded), many: directory(many) }));
  const rootOffset = image.readUInt16LE(SUPERBLOCK.offset + SUPERBLOCK.rootNid) * 32;
  const crowdedOffset = offsetOf(image, rootOffset, 'crowded');
  const manyOffset = offsetOf(image, rootOffset, 'many');
  for (const name of Object.keys(many)) {
    const target = offsetOf(image, manyOffset, name);
    image.copy(image, target, crowdedOffset, crowdedOffset + 20);
  }
  expect(
    isSlipwayError(
      errorOf(() => readErofs(image)),
      'EROFS_INVALID',
    ),
  ).toBe(true);
});

/** Offset of the inode a name leads to. */
function offsetOf(image: Buffer, directoryOffset: number, name: string): number {
  return image.readUInt32LE(entryOffset(image, directoryOffset, name)) * 32;
}

function entryOffset(image: Buffer, directoryOffset: number, name: string): number {
  const found = entriesOf(image, directoryOffset).find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found.entry;
}

function nameOffset(image: Buffer, directoryOffset: number, name: string): number {
  const found = entriesOf(image, directoryOffset).find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found.text;
}

/** A second, trusting reader: finds entries in images that are known to be good. */
function entriesOf(image: Buffer, offset: number): { name: string; entry: number; text: number }[] {
  const format = image.readUInt16LE(offset);
  const size = image.readUInt32LE(offset + 8);
  const xattrCount = image.readUInt16LE(offset + 2);
  const tail = offset + ((format & 1) === 1 ? 64 : 32) + (xattrCount === 0 ? 0 : 12 + (xattrCount - 1) * 4);
  const found: { name: string; entry: number; text: number }[] = [];
  for (let from = 0; from < size; from += 4096) {
    const isTail = format >> 1 === 2 && from + 4096 > size;
    const start = isTail ? tail : image.readUInt32LE(offset + 16) * 4096 + from;
    const end = start + Math.min(4096, size - from);
    const count = image.readUInt16LE(start + 8) / 12;
    for (let index = 0; index < count; index += 1) {
      const entry = start + index * 12;
      const text = start + image.readUInt16LE(entry + 8);
      const next = index + 1 < count ? start + image.readUInt16LE(entry + 20) : end;
      found.push({ name: image.toString('latin1', text, next).replace(/\0.*$/s, ''), entry, text });
    }
  }
  return found;
}

function poke8(offset: number, value: number): (image: Buffer) => Buffer {
  return (image) => {
    image.writeUInt8(value, offset);
    return image;
  };
}

function poke16(offset: number, value: number): (image: Buffer) => Buffer {
  return (image) => {
    image.writeUInt16LE(value, offset);
    return image;
  };
}

function poke32(offset: number, value: number): (image: Buffer) => Buffer {
  return (image) => {
    image.writeUInt32LE(value, offset);
    return image;
  };
}

function messageOf(act: () => unknown): string {
  const error = errorOf(act);
  return error instanceof Error ? error.message : '';
}

function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
