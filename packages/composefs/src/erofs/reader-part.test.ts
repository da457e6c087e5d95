import { expect, test } from 'vitest';
import { parseDump } from '../dump/parser.ts';
import { writeDump } from '../dump/writer.ts';
import { randomDump } from '../testing/random-dump.ts';
import type { DirectoryNode, Metadata, TreeNode } from '../tree.ts';
import { walkTree } from '../tree-path.ts';
import { readErofs, readErofsPart } from './reader.ts';
import { writeErofs } from './writer.ts';

const META: Metadata = { mode: 0o755, uid: 0, gid: 0, mtimeSec: 7, mtimeNsec: 0, xattrs: new Map() };

function directory(entries: Readonly<Record<string, TreeNode>>): DirectoryNode {
  return { kind: 'directory', meta: META, entries: new Map(Object.entries(entries)) };
}

function file(text: string): TreeNode {
  return { kind: 'regular', meta: META, content: { kind: 'inline', bytes: Buffer.from(text) } };
}

const SYSTEM = writeErofs(
  directory({
    etc: directory({ hosts: file('a'), conf: directory({ deep: directory({ one: file('b') }) }) }),
    usr: directory({
      bin: directory({ sh: file('c') }),
      lib: directory({
        'os-release': file('d'),
        modules: directory({
          '6.12': directory({ vmlinuz: file('e'), kernel: directory({ ko: file('f') }) }),
        }),
      }),
    }),
  }),
);

test.each([
  [['/etc/**'], ['/etc', '/etc/conf', '/etc/conf/deep', '/etc/conf/deep/one', '/etc/hosts']],
  [
    ['/usr/lib/modules/*'],
    [
      '/usr',
      '/usr/lib',
      '/usr/lib/modules',
      '/usr/lib/modules/6.12',
      '/usr/lib/modules/6.12/vmlinuz',
      '/usr/lib/os-release',
    ],
  ],
  [
    ['/etc/conf/**', '/etc', '/usr/bin'],
    [
      '/etc',
      '/etc/conf',
      '/etc/conf/deep',
      '/etc/conf/deep/one',
      '/etc/hosts',
      '/usr',
      '/usr/bin',
      '/usr/bin/sh',
    ],
  ],
  [['/not/here/**'], []],
  [[], []],
])('of %j there is read what leads there and what it holds', (patterns, paths) => {
  const part = readErofsPart(SYSTEM, patterns);
  expect([...walkTree(part)].map(({ path }) => path).filter((path) => path !== '/')).toEqual(paths);
});

test('a part is as it is in the whole, whatever the tree', () => {
  for (let seed = 7000; seed < 7040; seed += 1) {
    const { root, facts } = parseDump(Buffer.from(randomDump(seed), 'latin1'));
    const image = writeErofs(root, { facts });
    const whole = readErofs(image);
    for (const [name, node] of whole.entries) {
      if (node.kind !== 'directory' || /[*/]/.test(name)) continue;
      const part = readErofsPart(image, [`/${name}/**`]).entries.get(name);
      expect({ seed, name, same: part?.kind === 'directory' && dumpOf(part) === dumpOf(node) }).toEqual({
        seed,
        name,
        same: true,
      });
    }
  }
});

function dumpOf(root: DirectoryNode): string {
  return Buffer.concat([...writeDump(root)]).toString('latin1');
}
