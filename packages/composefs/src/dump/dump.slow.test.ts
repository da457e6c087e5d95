import { isSlipwayError } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeErofs } from '../erofs/writer.ts';
import { GOLDEN_DUMPS } from '../testing/golden-dumps.ts';
import { randomDump } from '../testing/random-dump.ts';
import type { Metadata, TreeNode } from '../tree.ts';
import { escapeAttribute, escapeField, unescapeField } from './escape.ts';
import { parseDump, readDump } from './parser.ts';
import { writeDump } from './writer.ts';

const ROOT = '/ 0 40755 2 0 0 0 1.0 - - -\n';
const META: Metadata = { mode: 0o644, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0, xattrs: new Map() };

function parse(text: string): ReturnType<typeof parseDump> {
  return parseDump(Buffer.from(text, 'latin1'));
}

function dump(tree: ReturnType<typeof parseDump>): string {
  return Buffer.concat([...writeDump(tree.root, tree.facts)]).toString('latin1');
}

describe('a dump written from a parsed dump', () => {
  test.each(GOLDEN_DUMPS)('means the same: $name', ({ bytes }) => {
    const tree = parseDump(bytes);
    const again = parse(dump(tree));
    expect(
      writeErofs(again.root, { facts: again.facts }).equals(writeErofs(tree.root, { facts: tree.facts })),
    ).toBe(true);
    expect(dump(again)).toBe(dump(tree));
  });

  test('means the same for 60 random dumps, however the stream is cut', async () => {
    for (let seed = 7000; seed < 7060; seed += 1) {
      const bytes = Buffer.from(randomDump(seed), 'latin1');
      const tree = await readDump(pieces(bytes, 1 + (seed % 97)));
      const again = parse(dump(tree));
      const same = writeErofs(again.root, { facts: again.facts }).equals(
        writeErofs(tree.root, { facts: tree.facts }),
      );
      expect({ seed, same }).toEqual({ seed, same: true });
    }
  });
});

test('every field is where composefs-dump(5) has it', () => {
  const text = [
    '/ 0 41777 3 1 2 0 -3.4 - - - security.selinux=a\\x3db user.x=',
    '/dir\\x20one 0 40700 2 0 0 0 1.5 - - -',
    '/dir\\x20one/file 6 104755 2 1000 1000 0 2.999999999 - a\\n\\\\\\x3d\\xff -'.replace('\\x3d', '='),
    '/link 6 @104755 2 1000 1000 0 2.999999999 /dir\\x20one/file a\\n\\\\=\\xff -',
    `/object 70 100644 1 0 0 0 0.0 ab/${'ab'.repeat(31)} - ${'ab'.repeat(32)}`,
    `/object512 70 100644 1 0 0 0 0.0 cd/${'cd'.repeat(63)} - ${'cd'.repeat(64)}`,
    '/sda 0 60660 1 0 6 2048 0.0 - - -',
    '/symlink 1 120777 1 0 0 0 0.0 \\x2d - -',
    '/tty 0 20620 1 0 5 1025 0.0 - - -',
    '',
  ]
    .join('\n')
    .replace('/dir\\x20one/file 6 104755', '/dir\\x20one/file 5 104755')
    .replace('/link 6', '/link 5');
  const tree = parse(text);
  expect(dump(tree)).toBe(text);
  expect(tree.facts.size).toBe(0);
  expect(tree.root.meta).toMatchObject({ mode: 0o1777, uid: 1, gid: 2, mtimeSec: -3, mtimeNsec: 4 });
  const inner = tree.root.entries.get('dir one');
  expect(inner?.kind === 'directory' && inner.entries.get('file')).toBe(tree.root.entries.get('link'));
  expect(tree.root.entries.get('sda')).toMatchObject({ major: 8, minor: 0 });
  expect(tree.root.entries.get('tty')).toMatchObject({ major: 4, minor: 1 });
  expect(tree.root.entries.get('symlink')).toMatchObject({ target: '-' });
});

test('paths may be written in other words than those of their parents', () => {
  const tree = parse(`${ROOT}/a\\x62 0 40755 2 0 0 0 1.0 - - -\n/ab/c 0 100644 1 0 0 0 1.0 - - -\n`);
  const directory = tree.root.entries.get('ab');
  expect(directory?.kind === 'directory' && [...directory.entries.keys()]).toEqual(['c']);
});

test('the last newline may be missing', () => {
  expect(parse(ROOT.trimEnd()).root.entries.size).toBe(0);
});

test('a link says nothing but its target', () => {
  const tree = parse(`${ROOT}/a 0 100644 1 0 0 0 1.0 - - -\n/b - @x - ? ? ? - /a - -\n`);
  expect(tree.root.entries.get('b')).toBe(tree.root.entries.get('a'));
});

test('links may name links, before and after them', () => {
  const link = (from: string, to: string): string => `${from} 0 @100644 1 0 0 0 0.0 ${to} - -\n`;
  const tree = parse(
    `${ROOT}${link('/a', '/b')}${link('/b', '/c')}/c 0 100644 1 0 0 0 1.0 - - -\n${link('/d', '/a')}`,
  );
  const target = tree.root.entries.get('c');
  expect([...tree.root.entries.values()].every((node) => node === target)).toBe(true);
  expect(target?.kind === 'regular' && tree.facts.get(target)).toMatchObject({
    nlink: 1,
    owner: { name: 'c' },
  });
});

test('a chain of many links is followed once', () => {
  let text = ROOT;
  for (let index = 0; index < 20_000; index += 1)
    text += `/${index} 0 @100644 1 0 0 0 0.0 /${index + 1} - -\n`;
  expect(parse(`${text}/20000 0 100644 1 0 0 0 1.0 - - -\n`).root.entries.size).toBe(20_001);
});

describe('escapes', () => {
  test('any bytes come back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1');
        expect(unescapeField(escapeField(text))).toBe(text);
        expect(unescapeField(escapeAttribute(text))).toBe(text);
        expect(escapeField(text)).toMatch(/^[!-~]*$/);
        expect(escapeAttribute(text)).toMatch(/^[!-<>-~]*$/);
      }),
    );
  });

  test.each([
    [' ', '\\x20'],
    ['\\', '\\\\'],
    ['\n\r\t', '\\n\\r\\t'],
    ['\x7f\x80', '\\x7f\\x80'],
    ['-', '\\x2d'],
    ['--', '--'],
    ['a=b', 'a=b'],
  ])('%j is written %j', (plain, escaped) => {
    expect(escapeField(plain)).toBe(escaped);
  });
});

describe('refuses, naming the line', () => {
  const file = '/f 0 100644 1 0 0 0 1.0 - - -';
  const cases: Readonly<Record<string, readonly [string, number, string]>> = {
    'nothing at all': ['', 1, 'root'],
    'a first line that is not the root': [`${file}\n`, 1, 'root'],
    'a root that is a file': ['/ 0 100644 1 0 0 0 1.0 - - -\n', 1, 'root'],
    'a second root': [`${ROOT}${ROOT}`, 2, '/'],
    'an empty line': [`${ROOT}\n${file}\n`, 2, 'fields'],
    'a field too few': [`${ROOT}/f 0 100644 1 0 0 0 1.0 - -\n`, 2, '10 fields of 11'],
    'two spaces': [`${ROOT}/f 0  100644 1 0 0 0 1.0 - - -\n`, 2, 'mode'],
    'a missing parent': [`${ROOT}/d/f 0 100644 1 0 0 0 1.0 - - -\n`, 2, 'directory of /d/f'],
    'a parent that is a file': [`${ROOT}${file}\n/f/g 0 100644 1 0 0 0 1.0 - - -\n`, 3, 'directory of /f/g'],
    'a relative path': [`${ROOT}f 0 100644 1 0 0 0 1.0 - - -\n`, 2, 'directory of f'],
    'a name twice': [`${ROOT}${file}\n${file}\n`, 3, 'already'],
    'a name twice in other words': [`${ROOT}${file}\n/\\x66 0 100644 1 0 0 0 1.0 - - -\n`, 3, 'already'],
    'a dot': [`${ROOT}/. 0 40755 1 0 0 0 1.0 - - -\n`, 2, 'name'],
    'two dots': [`${ROOT}/.. 0 40755 1 0 0 0 1.0 - - -\n`, 2, 'name'],
    'a slash at the end': [`${ROOT}/d/ 0 40755 1 0 0 0 1.0 - - -\n`, 2, 'directory of /d/'],
    'an escaped slash in a name': [`${ROOT}/a\\x2fb 0 40755 1 0 0 0 1.0 - - -\n`, 2, 'name'],
    'a long name': [`${ROOT}/${'n'.repeat(256)} 0 40755 1 0 0 0 1.0 - - -\n`, 2, 'name'],
    'a NUL': [`${ROOT}/a\0b 0 100644 1 0 0 0 1.0 - - -\n`, 2, 'NUL'],
    'an escaped NUL in a name': [`${ROOT}/a\\x00b 0 100644 1 0 0 0 1.0 - - -\n`, 2, 'name'],
    'half an escape': [`${ROOT}/a\\x2 0 100644 1 0 0 0 1.0 - - -\n`, 2, 'escape'],
    'an unknown escape': [`${ROOT}/a\\q 0 100644 1 0 0 0 1.0 - - -\n`, 2, 'escape'],
    'a mode that is not octal': [`${ROOT}/f 0 100684 1 0 0 0 1.0 - - -\n`, 2, 'octal'],
    'a mode without a type': [`${ROOT}/f 0 644 1 0 0 0 1.0 - - -\n`, 2, 'file type'],
    'a negative size': [`${ROOT}/f -1 100644 1 0 0 0 1.0 - - -\n`, 2, 'size'],
    'a size past 2^53': [`${ROOT}/f 9007199254740994 100644 1 0 0 0 1.0 - - -\n`, 2, 'size'],
    'an owner past 32 bits': [`${ROOT}/f 0 100644 1 4294967296 0 0 1.0 - - -\n`, 2, 'uid'],
    'a time without a point': [`${ROOT}/f 0 100644 1 0 0 0 1 - - -\n`, 2, 'time'],
    'a time that ends with the line': [`${ROOT}/f 0 100644 1 0 0 0 1`, 2, 'time'],
    'a negative time of no digits': [`${ROOT}/f 0 100644 1 0 0 0 -.0 - - -\n`, 2, 'time'],
    'a link with a field too few': [`${ROOT}/l 0 @100644 1 0 0 0 1.0 /g -\n`, 2, '10 fields of 11'],
    'a time of letters': [`${ROOT}/f 0 100644 1 0 0 0 x.0 - - -\n`, 2, 'time'],
    'a second of nanoseconds': [`${ROOT}/f 0 100644 1 0 0 0 1.1000000000 - - -\n`, 2, 'nanoseconds'],
    'a symlink without a target': [`${ROOT}/l 0 120777 1 0 0 0 1.0 - - -\n`, 2, 'target'],
    'a symlink of 4096 bytes': [`${ROOT}/l 0 120777 1 0 0 0 1.0 ${'t'.repeat(4096)} - -\n`, 2, 'target'],
    'content that is not the size': [`${ROOT}/f 4 100644 1 0 0 0 1.0 - abc -\n`, 2, 'size says 4'],
    'too much content': [`${ROOT}/f 5001 100644 1 0 0 0 1.0 - ${'c'.repeat(5001)} -\n`, 2, '5001'],
    'a digest that is none': [`${ROOT}/f 4 100644 1 0 0 0 1.0 - - abcd\n`, 2, 'digest'],
    'an attribute without a value': [`${ROOT}${file} user.a\n`, 2, 'no value'],
    'an attribute without a name': [`${ROOT}${file} =a\n`, 2, 'name'],
    'a long attribute name': [`${ROOT}${file} user.${'a'.repeat(251)}=a\n`, 2, 'name'],
    'too many attributes': [`${ROOT}${file} user.a=${'a'.repeat(65_536)}\n`, 2, 'too long'],
    'a link to nothing': [`${ROOT}${file}\n/l 0 @100644 1 0 0 0 1.0 /g - -\n`, 3, 'no "/g"'],
    'a link to a directory': [`${ROOT}/l 0 @100644 1 0 0 0 1.0 / - -\n`, 2, 'link'],
    'a link without a target': [`${ROOT}/l 0 @100644 1 0 0 0 1.0 - - -\n`, 2, 'target'],
    'links in a circle': [
      `${ROOT}/a 0 @100644 1 0 0 0 1.0 /b - -\n/b 0 @100644 1 0 0 0 1.0 /a - -\n`,
      2,
      'name each other',
    ],
  };

  test.each(Object.entries(cases))('%s', (_, [text, line, part]) => {
    const error = errorOf(() => parse(text));
    expect(isSlipwayError(error, 'DUMP_INVALID') ? error.details : error).toEqual({ line });
    expect(error instanceof Error ? error.message : '').toContain(part);
  });

  test('a line that does not end', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(65_536, 'a');
    }
    await expect(readDump(endless())).rejects.toThrow('it has no end');
  });
});

test('a deep tree is written and parsed without recursion', () => {
  let node: TreeNode = { kind: 'fifo', meta: META };
  for (let depth = 0; depth < 2000; depth += 1) {
    node = { kind: 'directory', meta: META, entries: new Map([['d', node]]) };
  }
  const root: TreeNode = node;
  if (root.kind !== 'directory') throw new Error('not a directory');
  const text = Buffer.concat([...writeDump(root)]).toString('latin1');
  expect(dump(parse(text))).toBe(text);
});

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
