import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { parseDump } from '../dump/parser.ts';
import { readErofsContents } from '../erofs/reader.ts';
import { writeErofs } from '../erofs/writer.ts';
import type { DirectoryNode } from '../tree.ts';
import { dumpImage } from './dump-image.ts';
import { summarizeImage } from './image-summary.ts';
import { listingLine, listTree } from './list-tree.ts';
import { missingObjects, treeObjects } from './tree-objects.ts';

const OBJECT = `b0${'fb44a8078cc2d7d9'.repeat(4).slice(2)}`;
const PATH = `${OBJECT.slice(0, 2)}/${OBJECT.slice(2)}`;

/** As `composefs-info dump` prints an image of it. */
const LINES = [
  '/ 4096 40755 4 0 0 0 1.0 - - -',
  `/a 100 100644 3 0 0 0 1.0 ${PATH} - ${OBJECT}`,
  '/b 53 40755 2 0 0 0 1.0 - - -',
  `/b/c 100 @100644 3 0 0 0 1.0 /a - ${OBJECT}`,
  `/b/d 100 @100644 3 0 0 0 1.0 /a - ${OBJECT}`,
  '/e\\x20f 84 40755 2 0 0 0 1.0 - - - trusted.overlay.opaque=x user.overlay.opaque=x',
  '/e\\x20f/\\x1b 3 100644 1 0 0 0 1.0 - hi\\n -',
  '/e\\x20f/link 1 120777 1 0 0 0 1.0 \\x2d - -',
  '/e\\x20f/out 7 100644 1 0 0 0 1.0 ../../x - -',
  '/e\\x20f/w 0 20644 1 0 0 0 1.0 - - -',
];

const CONTENTS = readErofsContents(imageOf(LINES));

function imageOf(lines: readonly string[]): Buffer {
  const { root, facts } = parseDump(Buffer.from(lines.join('\n')));
  return writeErofs(root, { facts });
}

function dumped(names?: readonly string[]): readonly string[] {
  const bytes = Buffer.concat([...dumpImage(CONTENTS, names && new Set(names))]);
  return bytes.toString('latin1').trimEnd().split('\n');
}

async function* one(root: DirectoryNode): AsyncGenerator<DirectoryNode> {
  yield root;
}

describe('the dump of an image', () => {
  test('has the sizes and the marks of its directories', () => {
    expect(dumped()).toEqual(LINES);
  });

  test('of some names: the first one shown describes a file, links count as in the whole', () => {
    expect(dumped(['b'])).toEqual([
      LINES[0],
      LINES[2],
      `/b/c 100 100644 3 0 0 0 1.0 ${PATH} - ${OBJECT}`,
      `/b/d 100 @100644 3 0 0 0 1.0 /b/c - ${OBJECT}`,
    ]);
    expect(dumped(['nothing'])).toEqual([LINES[0]]);
  });

  test('makes the same image', () => {
    expect(imageOf(dumped()).equals(imageOf(LINES))).toBe(true);
  });
});

test('the list of an image, for people', () => {
  expect([...listTree(CONTENTS.root)].map(listingLine)).toEqual([
    `/a\t@ ${PATH}`,
    '/b/\t',
    '/b/c',
    '/b/d',
    '/e f/\t',
    '/e f/\\x1b',
    '/e f/link\t-> -',
    '/e f/out\t@ ../../x',
    '/e f/w',
  ]);
  expect([...listTree(CONTENTS.root, new Set(['a']))]).toEqual([
    { path: '/a', kind: 'regular', object: PATH },
  ]);
});

test('objects, and which of them a directory lacks: none leads out of it', async () => {
  await using dir = await makeTempDir('objects');
  const store = join(dir.path, 'a', 'b');
  await mkdir(join(store, OBJECT.slice(0, 2)), { recursive: true });
  await writeFile(join(dir.path, 'x'), 'outside');
  const objects = await treeObjects(one(CONTENTS.root));
  expect(objects).toEqual(['../../x', PATH]);
  expect(await treeObjects(one(CONTENTS.root), new Set(['b']))).toEqual([PATH]);
  expect(missingObjects(store, objects)).toEqual(['../../x', PATH]);
  await writeFile(join(store, PATH), '');
  expect(missingObjects(store, objects)).toEqual(['../../x']);
  expect(() => missingObjects(join(store, PATH), objects)).toThrow('not a directory');
});

test('an image in numbers', () => {
  expect(summarizeImage(CONTENTS)).toEqual({
    formatVersion: 1,
    names: 10,
    inodes: {
      directory: 3,
      regular: 3,
      symlink: 1,
      'character-device': 0,
      'block-device': 0,
      fifo: 0,
      socket: 0,
      whiteout: 1,
    },
    objects: { count: 2, totalBytes: 107 },
    inlineBytes: 3,
  });
});
