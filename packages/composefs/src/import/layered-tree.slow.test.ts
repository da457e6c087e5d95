import { isSlipwayError, type SlipwayError } from '@slipway/core';
import type { TarInput } from '@slipway/oci';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DirectoryNode } from '../tree.ts';
import { lookupPath, walkTree } from '../tree-path.ts';
import { LayeredTree } from './layered-tree.ts';
import { file, link, member } from './testing.ts';

/** The merged tree of layers whose files are inline. */
function merge(...layers: readonly (readonly TarInput[])[]): DirectoryNode {
  const tree = new LayeredTree();
  for (const [index, members] of layers.entries()) {
    tree.beginLayer(`layer-${index}`);
    for (const entry of members) tree.apply({ header: entry, content: contentOf(entry) });
  }
  return tree.finish();
}

function contentOf(entry: TarInput): { kind: 'inline'; bytes: Uint8Array } | undefined {
  if (entry.kind !== 'file') return undefined;
  const [bytes] = entry.body === undefined ? [] : [...(entry.body as Iterable<Uint8Array>)];
  return { kind: 'inline', bytes: bytes ?? new Uint8Array(0) };
}

/** `path=text` for files, `path/` for directories, `path->target` for symlinks. */
function listing(tree: DirectoryNode): readonly string[] {
  return [...walkTree(tree)].slice(1).map(({ path, node }) => {
    if (node.kind === 'directory') return `${path}/`;
    if (node.kind === 'symlink') return `${path}->${node.target}`;
    if (node.kind !== 'regular' || node.content.kind !== 'inline') return `${path}:${node.kind}`;
    return `${path}=${Buffer.from(node.content.bytes).toString('latin1')}`;
  });
}

function refusal(...layers: readonly (readonly TarInput[])[]): SlipwayError {
  try {
    merge(...layers);
  } catch (thrown) {
    if (isSlipwayError(thrown, 'LAYER_ENTRY_REFUSED')) return thrown;
    throw thrown;
  }
  throw new Error('nothing was refused');
}

describe('merging', () => {
  const lower = [member('d/'), file('d/a', '1'), file('d/b', '1'), member('d/sub/'), file('d/sub/x', '1')];

  const cases: readonly (readonly [string, readonly TarInput[], readonly string[]])[] = [
    ['a file replaces a file', [file('d/a', '2')], ['/d/', '/d/a=2', '/d/b=1', '/d/sub/', '/d/sub/x=1']],
    ['a whiteout hides a file', [member('d/.wh.a')], ['/d/', '/d/b=1', '/d/sub/', '/d/sub/x=1']],
    ['a whiteout hides a directory', [member('d/.wh.sub')], ['/d/', '/d/a=1', '/d/b=1']],
    ['a whiteout of nothing is nothing', [member('.wh.no'), member('e/.wh.no')], listing(merge(lower))],
    ['a directory over a directory keeps its children', [member('d/')], listing(merge(lower))],
    ['a symlink replaces a directory whole', [link('d', 'e')], ['/d->e']],
    ['a directory replaces a file', [member('d/a/')], ['/d/', '/d/a/', '/d/b=1', '/d/sub/', '/d/sub/x=1']],
    ['an opaque directory starts empty', [member('d/'), member('d/.wh..wh..opq')], ['/d/']],
    [
      'an opaque whiteout leaves what its own layer brings, in any order',
      [file('d/a', '2'), file('d/sub/y', '2'), member('d/.wh..wh..opq'), file('d/c', '2')],
      ['/d/', '/d/a=2', '/d/c=2', '/d/sub/', '/d/sub/y=2'],
    ],
    [
      'a whiteout leaves what its own layer brings, in any order',
      [file('d/a', '2'), member('d/.wh.a'), file('d/sub/y', '2'), member('d/.wh.sub')],
      ['/d/', '/d/a=2', '/d/b=1', '/d/sub/', '/d/sub/y=2'],
    ],
    [
      'a directory removed and made again in one layer is new',
      [member('d/.wh.sub'), member('d/sub/'), file('d/sub/z', '2')],
      ['/d/', '/d/a=1', '/d/b=1', '/d/sub/', '/d/sub/z=2'],
    ],
    [
      'whiteouts of the archive itself are no files',
      [member('.wh..wh.aufs'), member('.wh..wh.plnk/')],
      listing(merge(lower)),
    ],
    [
      'the last of several wins',
      [file('d/a', '2'), file('d/a', '3')],
      ['/d/', '/d/a=3', '/d/b=1', '/d/sub/', '/d/sub/x=1'],
    ],
    [
      'leading slashes and dots are dropped',
      [file('//d/./a', '2')],
      ['/d/', '/d/a=2', '/d/b=1', '/d/sub/', '/d/sub/x=1'],
    ],
  ];
  test.each(cases)('%s', (_title, upper, expected) => {
    expect(listing(merge(lower, upper))).toEqual(expected);
  });

  test('a directory takes the metadata of the layer on top', () => {
    const tree = merge(
      [member('d/', { mode: 0o700 }), file('d/a', '1')],
      [member('d/', { mode: 0o755, uid: 7 })],
    );
    expect(lookupPath(tree, 'd')?.node.meta).toMatchObject({ mode: 0o755, uid: 7 });
  });

  test('the root takes the metadata of its entry', () => {
    expect(merge([member('./', { mode: 0o711, mtimeSec: 5, mtimeNsec: 6 })]).meta).toMatchObject({
      mode: 0o711,
      mtimeSec: 5,
      mtimeNsec: 6,
    });
  });

  test('parents a layer leaves out are made, the same every time', () => {
    const tree = merge([file('a/b/c', 'x', { mtimeSec: 99 })]);
    expect(lookupPath(tree, 'a/b')?.node.meta).toMatchObject({
      mode: 0o755,
      uid: 0,
      gid: 0,
      mtimeSec: 0,
      mtimeNsec: 0,
    });
  });

  test('set-id bits, attributes, devices and sub-second times are kept', () => {
    const xattrs = new Map([['security.capability', Uint8Array.of(1, 255)]]);
    const tree = merge([
      file('su', 'x', { mode: 0o104755, xattrs, mtimeNsec: 999_999_999 }),
      member('tty', { kind: 'character-device', deviceMajor: 4, deviceMinor: 300 }),
    ]);
    expect(lookupPath(tree, 'su')?.node.meta).toMatchObject({ mode: 0o4755, xattrs, mtimeNsec: 999_999_999 });
    expect(lookupPath(tree, 'tty')?.node).toMatchObject({ major: 4, minor: 300 });
  });
});

describe('hard links', () => {
  test('share a node, over layers and to symlinks', () => {
    const tree = merge(
      [file('a', '1'), link('s', 'a')],
      [link('b', '/a', 'hardlink'), link('t', 's', 'hardlink')],
    );
    expect(lookupPath(tree, 'b')?.node).toBe(lookupPath(tree, 'a')?.node);
    expect(listing(tree)).toEqual(['/a=1', '/b=1', '/s->a', '/t->a']);
  });

  test('keep the node they took when its first name is replaced', () => {
    const tree = merge([file('a', '1'), link('b', 'a', 'hardlink'), file('a', '2')]);
    expect(listing(tree)).toEqual(['/a=2', '/b=1']);
  });

  test('to devices are the same device', () => {
    const device = member('null', { kind: 'character-device', deviceMajor: 1, deviceMinor: 3 });
    const tree = merge([device], [link('zero', '/null', 'hardlink')]);
    expect(lookupPath(tree, 'zero')?.node).toBe(lookupPath(tree, 'null')?.node);
  });

  test('to themselves change nothing', () => {
    expect(listing(merge([file('a', '1'), link('a', 'a', 'hardlink')]))).toEqual(['/a=1']);
  });
});

describe('hostile entries', () => {
  const cases: readonly (readonly [string, readonly TarInput[], RegExp])[] = [
    ['..', [file('a/../../x', '1')], /"\.\."/],
    ['.. as a whole', [file('..', '1')], /"\.\."/],
    ['a NUL', [file('a\0b', '1')], /NUL/],
    ['a long name', [file('a'.repeat(256), '1')], /256 bytes/],
    ['a long path', [file('a/'.repeat(2100) + 'a', '1')], /bytes/],
    [
      'a path through a symlink',
      [link('lib', 'usr/lib'), file('lib/x', '1')],
      /"lib" in its path is a symlink/,
    ],
    ['a path through a symlink out of the tree', [link('l', '/etc'), member('l/x/')], /symlink/],
    ['a path through a file', [file('f', '1'), file('f/x', '1')], /regular/],
    ['a hard link to a directory', [member('d/'), link('l', 'd', 'hardlink')], /a directory/],
    ['a hard link to the root', [link('l', '/', 'hardlink')], /a directory/],
    ['a hard link to nothing', [link('l', 'no', 'hardlink')], /not there/],
    ['a hard link out of the tree', [link('l', '../etc/shadow', 'hardlink')], /"\.\."/],
    [
      'a hard link through a symlink',
      [member('d/'), file('d/f', '1'), link('s', 'd'), link('l', 's/f', 'hardlink')],
      /not there/,
    ],
    ['a symlink to nothing', [link('l', '')], /to nothing/],
    ['a symlink with a NUL', [link('l', 'a\0b')], /NUL/],
    ['a root that is a file', [file('.', '1')], /root/],
    ['a whiteout of nothing', [member('.wh.')], /hides nothing/],
    ['a whiteout of the parent', [member('a/.wh...')], /hides nothing/],
    ['an owner out of range', [file('f', '1', { uid: 2 ** 32 })], /owner/],
    ['a negative group', [file('f', '1', { gid: -1 })], /group/],
    ['a time out of range', [file('f', '1', { mtimeSec: 2 ** 60 })], /time/],
    ['nanoseconds out of range', [file('f', '1', { mtimeNsec: 1e9 })], /time/],
    ['a device out of range', [member('f', { kind: 'block-device', deviceMajor: 4096 })], /device number/],
    [
      'an attribute without a name',
      [file('f', '1', { xattrs: new Map([['', new Uint8Array()]]) })],
      /attribute/,
    ],
    [
      'a large attribute',
      [file('f', '1', { xattrs: new Map([['user.x', new Uint8Array(65_536)]]) })],
      /65536 bytes/,
    ],
  ];
  test.each(cases)('%s', (_title, members, reason) => {
    const error = refusal([member('ok/')], members);
    expect(error.message).toMatch(reason);
    expect(error.details).toMatchObject({ layer: 'layer-1' });
    expect(error.details['entry']).toBe(members.at(-1)?.path.slice(0, 300));
  });
});

describe('what is allowed', () => {
  test('absolute names lie in the tree, and the last of several entries of one name counts', () => {
    const tree = merge([file('/etc/a', '1'), file('//etc/./a', '2'), file('etc/a', '3')]);
    expect(listing(tree)).toEqual(['/etc/', '/etc/a=3']);
  });

  test.each([
    ['entries', Array.from({ length: 6 }, (_, index) => file(`f${index}`, ''))],
    ['directories of one long path', [file('a/b/c/d/e/f', '')]],
    ['the same name over and over', Array.from({ length: 6 }, () => file('f', ''))],
  ])('not more than so many: %s', (_title, members) => {
    const apply = (limit: number): void => {
      const tree = new LayeredTree(limit);
      tree.beginLayer('layer-0');
      for (const entry of members) tree.apply({ header: entry, content: contentOf(entry) });
    };
    apply(6);
    expect(() => apply(5)).toThrow(/more than 5 entries/);
  });
});

/** A second way to the same answer: a flat map of paths per layer, overlaid by the words of the specification. */
describe('against a model', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
  const step = fc.record({
    path,
    kind: fc.constantFrom('file', 'directory', 'whiteout', 'opaque'),
    text: fc.constantFrom('1', '2'),
  });
  const layer = fc.array(step, { maxLength: 8 });

  test('whiteouts, replacement and merging agree', () => {
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 4 }), (layers) => {
        const inputs = layers.map((steps) => steps.map(toMember));
        const expected = model(layers);
        let actual: readonly string[] | 'refused';
        try {
          actual = listing(merge(...inputs));
        } catch (thrown) {
          if (!isSlipwayError(thrown, 'LAYER_ENTRY_REFUSED')) throw thrown;
          actual = 'refused';
        }
        expect(actual).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });
});

interface Step {
  readonly path: string;
  readonly kind: string;
  readonly text: string;
}

function toMember({ path, kind, text }: Step): TarInput {
  if (kind === 'file') return file(path, text);
  if (kind === 'directory') return member(`${path}/`);
  if (kind === 'opaque') return member(`${path}/.wh..wh..opq`);
  const slash = path.lastIndexOf('/') + 1;
  return member(`${path.slice(0, slash)}.wh.${path.slice(slash)}`);
}

/** Paths to `=text` or `/`; every layer is laid out alone first, then put over what is below. */
function model(layers: readonly (readonly Step[])[]): readonly string[] | 'refused' {
  let below = new Map<string, string>();
  for (const steps of layers) {
    const merged = new Map(below);
    const own = new Set<string>();
    for (const step of steps) {
      const outcome = applyStep(merged, own, step);
      if (outcome === 'refused') return 'refused';
    }
    below = merged;
  }
  const sorted = [...below].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([path, what]) => `/${path}${what}`);
}

function applyStep(
  merged: Map<string, string>,
  own: Set<string>,
  { path, kind, text }: Step,
): 'refused' | undefined {
  if (kind === 'whiteout' || kind === 'opaque') {
    const under = [...merged.keys()].filter((other) => other.startsWith(`${path}/`));
    const hidden = kind === 'opaque' ? under : [path, ...under];
    for (const other of hidden) if (!own.has(other)) merged.delete(other);
    return undefined;
  }
  const names = path.split('/');
  for (let depth = 1; depth < names.length; depth += 1) {
    const parent = names.slice(0, depth).join('/');
    own.add(parent);
    const what = merged.get(parent) ?? '/';
    if (what !== '/') return 'refused';
    merged.set(parent, '/');
  }
  own.add(path);
  if (kind === 'directory' && merged.get(path) === '/') return undefined;
  for (const other of merged.keys()) if (other.startsWith(`${path}/`)) merged.delete(other);
  merged.set(path, kind === 'file' ? `=${text}` : '/');
  return undefined;
}
