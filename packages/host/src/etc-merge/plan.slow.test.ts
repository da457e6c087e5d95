import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EtcDirectory, type EtcMetadata, type EtcNode, sameInode, sameTree } from './node.ts';
import { type EtcConflict, type EtcMergePlan, planEtcMerge } from './plan.ts';

const META: EtcMetadata = { mode: 0o644, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0, xattrs: new Map() };

/** A tree in short: text is a file, an array a symlink, an object a directory. */
type Sketch = string | [string] | { readonly [name: string]: Sketch };

function tree(sketch: Sketch, meta: Partial<EtcMetadata> = {}): EtcNode {
  const full = { ...META, ...meta };
  if (typeof sketch === 'string') return { kind: 'regular', meta: full, content: sketch };
  if (Array.isArray(sketch)) return { kind: 'symlink', meta: full, target: sketch[0] };
  return directory(sketch, meta);
}

function directory(
  sketch: { readonly [name: string]: Sketch },
  meta: Partial<EtcMetadata> = {},
): EtcDirectory {
  const entries = Object.entries(sketch).map(([name, child]) => [name, tree(child)] as const);
  return { kind: 'directory', meta: { ...META, mode: 0o755, ...meta }, entries: new Map(entries) };
}

/** What the actions of a plan build. */
function built(plan: EtcMergePlan): EtcDirectory {
  const root = new Map<string, EtcNode>();
  const directories = new Map<string, Map<string, EtcNode>>([['', root]]);
  let rootMeta = META;
  for (const action of plan.actions) {
    const slash = action.path.lastIndexOf('/');
    const parent = directories.get(action.path.slice(0, Math.max(slash, 0)));
    if (parent === undefined) throw new Error(`${action.path} comes before its directory`);
    const name = action.path.slice(slash + 1);
    if (action.kind === 'leaf') parent.set(name, action.node);
    else if (action.path === '') rootMeta = action.meta;
    else {
      const entries = new Map<string, EtcNode>();
      directories.set(action.path, entries);
      parent.set(name, { kind: 'directory', meta: action.meta, entries });
    }
  }
  return { kind: 'directory', meta: rootMeta, entries: root };
}

function merge(base: EtcDirectory, ours: EtcDirectory, theirs: EtcDirectory): EtcDirectory {
  return built(planEtcMerge(base, ours, theirs));
}

function kinds(conflicts: readonly EtcConflict[]): Readonly<Record<string, string>> {
  return Object.fromEntries(conflicts.map(({ path, kind }) => [path, kind]));
}

describe('the merge of /etc', () => {
  const base = {
    untouched: 'v1',
    edited: 'v1',
    both: 'v1',
    deleted: 'v1',
    gone: 'v1',
    'gone-edited': 'v1',
    link: ['/v1'] as [string],
    sub: { a: '1', b: '1' },
  };

  test('keeps what was edited, added and deleted here, and updates the rest', () => {
    const ours = {
      untouched: 'v1',
      edited: 'mine',
      both: 'mine',
      gone: 'v1',
      'gone-edited': 'mine',
      link: ['/mine'] as [string],
      sub: { a: '1', b: 'mine', c: 'mine' },
      'machine-id': 'abc',
    };
    const theirs = {
      untouched: 'v2',
      edited: 'v1',
      both: 'v2',
      deleted: 'v2',
      link: ['/v1'] as [string],
      sub: { a: '2', b: '1', d: '2' },
      fresh: 'v2',
    };
    const plan = planEtcMerge(directory(base), directory(ours), directory(theirs));
    const expected = {
      untouched: 'v2',
      edited: 'mine',
      both: 'mine',
      'gone-edited': 'mine',
      link: ['/mine'] as [string],
      sub: { a: '2', b: 'mine', c: 'mine', d: '2' },
      'machine-id': 'abc',
      fresh: 'v2',
    };
    expect(sameTree(built(plan), directory(expected))).toBe(true);
    expect(kinds(plan.conflicts)).toEqual({
      both: 'both-changed',
      deleted: 'deleted-here',
      'gone-edited': 'removed-by-image',
    });
  });

  test('treats a change of owner, permissions or attributes as an edit', () => {
    for (const change of [
      { mode: 0o600 },
      { uid: 5 },
      { gid: 5 },
      { xattrs: new Map([['user.a', Buffer.of(255)]]) },
    ]) {
      const ours = { ...directory({}), entries: new Map([['f', tree('v1', change)]]) };
      const merged = merge(directory({ f: 'v1' }), ours, directory({ f: 'v2' }));
      expect(sameTree(merged.entries.get('f'), tree('v1', change))).toBe(true);
      const back = merge(directory({ f: 'v1' }), directory({ f: 'v1' }), ours);
      expect(sameTree(back.entries.get('f'), tree('v1', change))).toBe(true);
    }
  });

  test('does not take times and labels for edits', () => {
    const ours = {
      ...directory({}),
      entries: new Map([
        ['f', tree('v1', { mtimeSec: 99, xattrs: new Map([['security.selinux', Buffer.from('x')]]) })],
      ]),
    };
    expect(merge(directory({ f: 'v1' }), ours, directory({ f: 'v2' }))).toEqual(directory({ f: 'v2' }));
  });

  test.each<[string, Sketch, Sketch, Sketch, Sketch, Readonly<Record<string, string>>]>([
    [
      'keeps a directory the image removed while a local file is in it',
      { d: { a: '1' } },
      { d: { a: '1', b: 'm' } },
      {},
      { d: { b: 'm' } },
      {},
    ],
    ['drops a directory the image removed', { d: { a: '1', e: {} } }, { d: { a: '1', e: {} } }, {}, {}, {}],
    ['keeps an empty local directory', {}, { d: {} }, {}, { d: {} }, {}],
    [
      'keeps a directory deleted, with what the image adds to it',
      { d: { a: '1' } },
      {},
      { d: { a: '1', b: '2' } },
      {},
      { d: 'deleted-here' },
    ],
    [
      'follows a file that becomes a directory',
      { x: '1' },
      { x: '1' },
      { x: { a: '2' } },
      { x: { a: '2' } },
      {},
    ],
    [
      'follows a directory that becomes a file',
      { x: { a: '1' } },
      { x: { a: '1' } },
      { x: '2' },
      { x: '2' },
      {},
    ],
    [
      'keeps a local file where the image brings a directory',
      { x: '1' },
      { x: 'm' },
      { x: { a: '2' } },
      { x: 'm' },
      { x: 'type-changed' },
    ],
    [
      'keeps a local directory whole where the image brings a file',
      { x: { a: '1' } },
      { x: { a: '1', b: 'm' } },
      { x: '2' },
      { x: { a: '1', b: 'm' } },
      { x: 'type-changed' },
    ],
    [
      'keeps a directory replaced by a symlink',
      { x: { a: '1' } },
      { x: ['/var/x'] },
      { x: { a: '2' } },
      { x: ['/var/x'] },
      { x: 'type-changed' },
    ],
    [
      'keeps a symlink replaced by a file',
      { x: ['/a'] },
      { x: 'm' },
      { x: ['/b'] },
      { x: 'm' },
      { x: 'both-changed' },
    ],
    ['says nothing when both made the same change', { x: '1' }, { x: '2' }, { x: '2' }, { x: '2' }, {}],
    [
      'keeps its own of two different additions',
      {},
      { x: 'm' },
      { x: '2' },
      { x: 'm' },
      { x: 'both-changed' },
    ],
    ['joins a directory both added', {}, { d: { a: 'm' } }, { d: { b: '2' } }, { d: { a: 'm', b: '2' } }, {}],
  ])('%s', (_what, base, ours, theirs, expected, conflicts) => {
    const plan = planEtcMerge(root(base), root(ours), root(theirs));
    expect(built(plan)).toEqual(root(expected));
    expect(kinds(plan.conflicts)).toEqual(conflicts);
  });

  test('takes the side of the image where the policy says so', () => {
    const plan = planEtcMerge(
      root({ a: '1', b: '1' }),
      root({ a: 'm', b: 'm' }),
      root({ a: '2', b: '2' }),
      ({ path }) => (path === 'a' ? 'theirs' : 'ours'),
    );
    expect(built(plan)).toEqual(root({ a: '2', b: 'm' }));
    expect(plan.conflicts).toHaveLength(2);
  });
});

function root(sketch: Sketch): EtcDirectory {
  const node = tree(sketch);
  if (node.kind !== 'directory') throw new Error('a root is a directory');
  return node;
}

/*
 * Properties. Trees are random over few names, so that the three sides meet often.
 */
const metadata = fc.record({
  mode: fc.constantFrom(0o644, 0o600),
  uid: fc.constantFrom(0, 0, 0, 7),
  xattrs: fc.constantFrom(new Map(), new Map(), new Map([['user.a', Buffer.of(1)]])),
});
const leaf = fc.oneof(
  fc.tuple(fc.constantFrom('1', '2', '3'), metadata).map(([content, meta]) => tree(content, meta)),
  fc.constantFrom('/1', '/2').map((target) => tree([target])),
  fc.constant<EtcNode>({ kind: 'fifo', meta: META }),
);

function directoryOf(children: fc.Arbitrary<EtcNode>, names: readonly string[]): fc.Arbitrary<EtcDirectory> {
  const entry = fc.tuple(fc.constantFrom(...names), children);
  return fc.tuple(fc.array(entry, { maxLength: 4 }), metadata).map(([entries, meta]) => ({
    kind: 'directory',
    meta: { ...META, ...meta },
    entries: new Map(entries),
  }));
}

const NAMES = ['a', 'b', 'c'];
const anyTree = directoryOf(
  fc.oneof(leaf, directoryOf(fc.oneof(leaf, directoryOf(leaf, NAMES)), NAMES)),
  NAMES,
);

/** Every path with the inode there, directories without their children. */
function flat(node: EtcNode, path = '', into = new Map<string, EtcNode>()): Map<string, EtcNode> {
  if (path !== '') into.set(path, node);
  if (node.kind === 'directory') {
    for (const [name, child] of node.entries) flat(child, path === '' ? name : `${path}/${name}`, into);
  }
  return into;
}

describe('any three trees', () => {
  const RUNS = { numRuns: 1500 };

  test('lose no local edit, addition or deletion', () => {
    fc.assert(
      fc.property(anyTree, anyTree, anyTree, (base, ours, theirs) => {
        const [b, o, result] = [flat(base), flat(ours), flat(merge(base, ours, theirs))];
        for (const [path, node] of o) {
          const before = b.get(path);
          const edited = before === undefined || !sameInode(before, node);
          // A file of ours that stands where the base had none, or another one, stands there afterwards.
          const after = result.get(path);
          if (edited && node.kind !== 'directory') expect(after && sameInode(after, node)).toBe(true);
          if (edited && node.kind === 'directory') expect(after?.kind).toBe('directory');
        }
        for (const path of b.keys()) {
          if (!o.has(path)) expect([path, result.has(path)]).toEqual([path, false]);
        }
      }),
      RUNS,
    );
  });

  test('lead to the new image where nothing was changed here, and to ours where the image did not change', () => {
    fc.assert(
      fc.property(anyTree, anyTree, (one, other) => {
        expect(sameTree(merge(one, one, other), other)).toBe(true);
        expect(sameTree(merge(one, other, one), other)).toBe(true);
        expect(sameTree(merge(one, other, other), other)).toBe(true);
        expect(planEtcMerge(one, one, other).conflicts).toEqual([]);
        expect(planEtcMerge(one, other, one).conflicts).toEqual([]);
      }),
      RUNS,
    );
  });

  test('are stable: merging the result again changes nothing', () => {
    fc.assert(
      fc.property(anyTree, anyTree, anyTree, (base, ours, theirs) => {
        const once = merge(base, ours, theirs);
        expect(sameTree(merge(theirs, once, theirs), once)).toBe(true);
      }),
      RUNS,
    );
  });
});

/*
 * The reference model, for trees in which a name is always a directory or never: one flat map of paths, one decision for each.
 */
const typedLeafNames = ['f', 'g', 'h'];
const typedTree = fc
  .tuple(
    directoryOf(leaf, typedLeafNames),
    fc.option(fc.tuple(directoryOf(leaf, typedLeafNames), fc.option(directoryOf(leaf, typedLeafNames)))),
  )
  .map(([top, below]): EtcDirectory => {
    if (below === null) return top;
    const [middle, bottom] = below;
    const inner: EtcDirectory =
      bottom === null ? middle : { ...middle, entries: new Map([...middle.entries, ['D', bottom]]) };
    return { ...top, entries: new Map([...top.entries, ['D', inner]]) };
  });

function modelMerge(base: EtcDirectory, ours: EtcDirectory, theirs: EtcDirectory): Map<string, EtcNode> {
  const [b, o, t] = [flat(base), flat(ours), flat(theirs)];
  const result = new Map<string, EtcNode>();
  for (const path of new Set([...b.keys(), ...o.keys(), ...t.keys()])) {
    const [before, mine, next] = [b.get(path), o.get(path), t.get(path)];
    const deletedAbove = [...b.keys()].some((dir) => path.startsWith(`${dir}/`) && !o.has(dir));
    if (deletedAbove || (before !== undefined && mine === undefined)) continue;
    const untouched = mine === undefined || (before !== undefined && sameInode(mine, before));
    const chosen = untouched ? next : mine;
    if (chosen !== undefined) result.set(path, chosen);
  }
  // A directory stays while anything is left in it.
  for (const path of result.keys()) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end);
      const kept = result.get(parent) ?? o.get(parent);
      if (kept !== undefined) result.set(parent, kept);
    }
  }
  return result;
}

test('the merge of /etc agrees with a flat reference model', () => {
  fc.assert(
    fc.property(typedTree, typedTree, typedTree, (base, ours, theirs) => {
      const actual = flat(merge(base, ours, theirs));
      const expected = modelMerge(base, ours, theirs);
      expect([...actual.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
      for (const [path, node] of expected) {
        const other = actual.get(path);
        expect([path, other !== undefined && sameInode(other, node)]).toEqual([path, true]);
      }
    }),
    { numRuns: 3000 },
  );
});
