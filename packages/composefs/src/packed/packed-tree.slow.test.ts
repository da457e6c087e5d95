import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeTempDir, run } from '@slipway/core';
import { expect, test } from 'vitest';
import { LayeredTree } from '../import/layered-tree.ts';
import { file, link, member } from '../import/testing.ts';
import type { DirectoryNode } from '../tree.ts';
import { lookupPath } from '../tree-path.ts';
import { ByteArena } from './byte-arena.ts';
import { packTree } from './pack-tree.ts';
import { XattrSets } from './xattr-sets.ts';

function sample(): DirectoryNode {
  const tree = new LayeredTree();
  tree.beginLayer('layer');
  for (const header of [member('d/'), file('d/a', 'text'), link('d/l', 'a'), member('d/e/')]) {
    const content =
      header.kind === 'file' ? ({ kind: 'inline', bytes: Buffer.from('text') } as const) : undefined;
    tree.apply({ header, content });
  }
  return tree.finish();
}

test('shows the same nodes whenever they are looked at', () => {
  const tree = sample();
  const first = lookupPath(tree, '/d/a')?.node;
  expect(first).toMatchObject({ kind: 'regular', content: { kind: 'inline' } });
  expect(lookupPath(tree, '/d/a')?.node).toBe(first);
  expect({ ...tree }.entries).toBe(tree.entries);
});

test('packs a tree of nodes, and finds the packed tree behind one that was', () => {
  const tree = sample();
  const copied: DirectoryNode = { ...tree };
  const packed = packTree(copied);
  expect(packTree(packed.rootNode)).toBe(packed);
  expect([...packed.walk()].map(({ path }) => path)).toEqual(['/', '/d', '/d/a', '/d/e', '/d/l']);
  expect(lookupPath(packed.rootNode, '/d/l', { followLast: false })?.node).toEqual(
    lookupPath(tree, '/d/l', { followLast: false })?.node,
  );
});

test('holds bytes over many segments', () => {
  const arena = new ByteArena();
  const texts = Array.from({ length: 3000 }, (_, index) => `${index}-`.repeat(20));
  const positions = texts.map((text) => arena.addText(text));
  for (const [index, text] of texts.entries()) {
    const at = positions[index] ?? 0;
    expect(arena.text(at, text.length)).toBe(text);
    expect(arena.isText(at, text)).toBe(true);
    expect(arena.isText(at, `${text.slice(0, -1)}!`)).toBe(false);
    const next = texts[index + 1] ?? text;
    const order = arena.compare(at, text.length, positions[index + 1] ?? at, next.length);
    expect(Math.sign(order)).toBe(text < next ? -1 : text > next ? 1 : 0);
  }
});

test('holds equal sets of attributes once, and those too long for its arena', () => {
  const sets = new XattrSets();
  const small = new Map([['user.a', Buffer.from('1')]]);
  const long = new Map(
    Array.from({ length: 3 }, (_, index) => [`user.${index}`, Buffer.alloc(40_000, index)]),
  );
  const numbers = [sets.add(small), sets.add(new Map(small)), sets.add(long), sets.add(new Map())];
  expect(numbers).toEqual([1, 1, 2, 0]);
  expect(sets.get(1)).toEqual(small);
  expect(sets.get(2)).toEqual(long);
  expect(sets.get(0).size).toBe(0);
});

/** Makes the image of a tree of 250,000 files in a Node whose heap is a third of what they would take as objects. */
const MANY = `
import { createHash } from 'node:crypto';
const { LayeredTree } = await import(process.argv[2]);
const { planErofs } = await import(process.argv[3]);
const tree = new LayeredTree();
tree.beginLayer('layer');
const header = (kind, path, sizeBytes) => ({ kind, path, linkTarget: '', mode: 0o644, uid: 0, gid: 0, sizeBytes,
  mtimeSec: 1, mtimeNsec: 0, deviceMajor: 0, deviceMinor: 0, xattrs: new Map() });
for (let index = 0; index < 250_000; index += 1) {
  const directory = 'usr/share/package-' + Math.floor(index / 50);
  if (index % 50 === 0) tree.apply({ header: header('directory', directory + '/', 0), content: undefined });
  const digest = createHash('sha256').update(String(index)).digest();
  tree.apply({ header: header('file', directory + '/file-' + index + '.py', 1000), content: { kind: 'object', sizeBytes: 1000, digest } });
}
const image = planErofs(tree.finish());
let bytes = 0;
for (const piece of image.pieces()) bytes += piece.length;
if (bytes !== image.sizeBytes || bytes < 50_000_000) throw new Error('the image has ' + bytes + ' bytes');
console.log(bytes);
`;

test('a tree of 250,000 files and its image need a heap of 40 MB', { timeout: 300_000 }, async () => {
  await using dir = await makeTempDir('packed');
  const script = join(dir.path, 'many.mjs');
  writeFileSync(script, MANY);
  const modules = ['../import/layered-tree.ts', '../erofs/writer.ts'].map(
    (path) => pathToFileURL(join(import.meta.dirname, path)).href,
  );
  const { stdout } = await run([process.execPath, '--max-old-space-size=40', script, ...modules], {
    describe: 'make an image of very many files',
  });
  expect(Number(stdout.toString('utf8'))).toBeGreaterThan(50_000_000);
});
