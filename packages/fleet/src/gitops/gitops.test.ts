import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Comparable, diffResources, mergedResource } from './diff-resources.ts';
import { parseResources } from './parse-resources.ts';

const GOOD = `# the edge
apiVersion: slipway/v1
kind: Fleet
metadata:
  name: edge
spec:
  selector: site=berlin
  release: "2"
---
apiVersion: slipway/v1
kind: Policy
metadata: {name: careful}
spec:
  firstAlone: true
`;

describe('files of resources', () => {
  test('of several documents are read, in the order they can be applied', () => {
    const { resources, problems } = parseResources([{ name: 'edge.yaml', text: GOOD }]);
    expect(problems).toEqual([]);
    expect(
      resources.map(({ file, line, column, resource }) => [
        file,
        line,
        column,
        resource.kind,
        resource.metadata.name,
      ]),
    ).toEqual([
      ['edge.yaml', 10, 1, 'Policy', 'careful'],
      ['edge.yaml', 2, 1, 'Fleet', 'edge'],
    ]);
  });

  test('may be JSON, empty, or nothing but comments', () => {
    const text = '{"apiVersion":"slipway/v1","kind":"Policy","metadata":{"name":"p"},"spec":{}}';
    expect(parseResources([{ name: 'p.json', text }]).resources).toHaveLength(1);
    for (const empty of ['', '# nothing\n', '---\n---\n']) {
      expect(parseResources([{ name: 'e', text: empty }])).toEqual({ resources: [], problems: [] });
    }
  });

  test('with mistakes: all of them at once, with file, line and column', () => {
    const text = `apiVersion: slipway/v1
kind: Policy
metadata: {name: careful}
spec:
  firstAlone: perhaps
  rate:
    count: 0
    periodSeconds: 60
---
kind: Fleat
---
apiVersion: slipway/v1
kind: Fleet
metadata: {name: edge}
spec: {}
---
a: [1
`;
    const { resources, problems } = parseResources([
      { name: 'bad.yaml', text },
      { name: 'good.yaml', text: GOOD },
      { name: 'again.yaml', text: GOOD },
    ]);
    expect(resources).toHaveLength(4);
    const shown = problems.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`);
    expect(shown[0]).toMatch(/^bad\.yaml:5:15 spec\.firstAlone: /);
    expect(shown[1]).toMatch(/^bad\.yaml:7:12 spec\.rate\.count: /);
    expect(shown[2]).toBe('bad.yaml:10:7 kind must be one of Role, Policy, Release, Fleet, Device');
    expect(shown[3]).toMatch(/^bad\.yaml:15:7 spec\.selector: /);
    expect(shown[4]).toMatch(/^bad\.yaml:1[78]:\d+ /);
    expect(shown.slice(5)).toEqual([
      'again.yaml:10:1 Policy careful is in good.yaml, line 10, too',
      'again.yaml:2:1 Fleet edge is in good.yaml, line 2, too',
    ]);
  });

  test('that are a bomb are refused', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 9; level += 1) {
      const before = `*a${level - 1}`;
      lines.push(`a${level}: &a${level} [${Array(9).fill(before).join(', ')}]`);
    }
    const { resources, problems } = parseResources([{ name: 'bomb', text: lines.join('\n') }]);
    expect(resources).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(parseResources([{ name: 'large', text: ' '.repeat(5_000_000) }]).problems).toHaveLength(1);
  });
});

function fleet(name: string, spec: object, labels?: Readonly<Record<string, string>>): Comparable {
  return { kind: 'Fleet', metadata: { name, ...(labels === undefined ? {} : { labels }) }, spec };
}

describe('three sides', () => {
  test('what git has is set, what it had is removed, what only the server has stays', () => {
    const git = [fleet('a', { selector: 'x', release: '2' }), fleet('new', {})];
    const server = [
      fleet('a', { selector: 'x', release: '1', trySeconds: 9, intervalSeconds: 5 }),
      fleet('gone', {}),
      fleet('foreign', {}),
    ];
    const lastApplied = [
      fleet('a', { selector: 'x', release: '1', intervalSeconds: 5 }),
      fleet('gone', {}),
      fleet('long-gone', {}),
    ];
    expect(diffResources({ git, server, lastApplied })).toEqual([
      {
        kind: 'Fleet',
        name: 'a',
        action: 'update',
        changes: [
          { path: 'spec.release', from: '1', to: '2', isDrift: false },
          { path: 'spec.intervalSeconds', from: 5, isDrift: false },
        ],
      },
      { kind: 'Fleet', name: 'gone', action: 'delete', changes: [] },
      { kind: 'Fleet', name: 'new', action: 'create', changes: [] },
    ]);
  });

  test('what somebody changed on the server is drift', () => {
    const git = [fleet('a', { selector: 'x' }, { team: 'one' })];
    const server = [fleet('a', { selector: 'y' }, { team: 'two' })];
    expect(diffResources({ git, server, lastApplied: git })).toMatchObject([
      {
        action: 'update',
        changes: [
          { path: 'metadata.labels.team', from: 'two', to: 'one', isDrift: true },
          { path: 'spec.selector', from: 'y', to: 'x', isDrift: true },
        ],
      },
    ]);
  });

  const leaf = fc.oneof(
    fc.integer({ max: 3 }),
    fc.constantFrom('a', 'b'),
    fc.array(fc.integer({ max: 2 }), { maxLength: 2 }),
  );
  const key = fc.constantFrom('a', 'b', 'c');
  const spec = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf, { noNullPrototype: true })), {
    noNullPrototype: true,
  });

  test('once applied, nothing is left to do, and nothing of the server is lost', () => {
    fc.assert(
      fc.property(spec, spec, spec, (wanted, present, before) => {
        const [git, server, last] = [fleet('a', wanted), fleet('a', present), fleet('a', before)];
        const applied = mergedResource(git, server, last);
        expect(diffResources({ git: [git], server: [applied], lastApplied: [git] })).toMatchObject([
          { action: 'unchanged' },
        ]);
        for (const [name, value] of Object.entries(present)) {
          if (!Object.hasOwn(wanted, name) && !Object.hasOwn(before, name)) {
            expect((applied.spec as Readonly<Record<string, unknown>>)[name]).toEqual(value);
          }
        }
      }),
    );
  });
});
