import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSelector } from '../selector/parse-selector.ts';
import { hasEdge, releaseGraph } from './graph.ts';
import { type Path, planPath, type Traveller } from './path.ts';
import type { Release, ReleaseDigest } from './release.ts';

/** A digest out of a few letters, for reading. */
function digest(seed: string): string {
  return `sha256:${Buffer.from(seed).toString('hex').padEnd(64, '0')}`;
}

function release(version: string, more: Partial<Release> = {}): Release {
  const digests: readonly ReleaseDigest[] = [
    { digest: digest(version), role: 'image', architecture: 'amd64' },
    { digest: digest(`${version}-disk`), role: 'disk', architecture: 'amd64' },
    { digest: digest(`${version}-again`), role: 'repushed', architecture: 'amd64' },
  ];
  return { version, repository: 'registry.example.com/os', digests, metadata: {}, ...more };
}

function at(version: string, more: Partial<Traveller> = {}): Traveller {
  return { bootedDigest: digest(version), architecture: 'amd64', inventory: {}, ...more };
}

function versions(path: Path): readonly string[] | string {
  return path.kind === 'path' ? path.hops.map(({ version }) => version) : path.kind;
}

describe('a path', () => {
  const graph = releaseGraph([
    release('1'),
    release('2', { barrier: { reason: 'new keys' } }),
    release('3'),
    release('4', { deadEnd: { reason: 'loses /boot' } }),
    release('5', { barrier: { reason: 'new database' } }),
    release('6'),
    release('7', {
      risks: [
        { name: 'GpuPanics', message: 'panics with such a GPU', affects: parseSelector('gpu=old') },
        { name: 'Slow', message: 'from 5 only', from: ['5'], affects: parseSelector('') },
      ],
    }),
  ]);

  test('steps on every barrier, and over everything else', () => {
    expect(versions(planPath(graph, '7', at('1')))).toEqual(['2', '5', '6', '7']);
    expect(versions(planPath(graph, '6', at('1')))).toEqual(['2', '5', '6']);
    expect(versions(planPath(graph, '6', at('3')))).toEqual(['5', '6']);
    expect(versions(planPath(graph, '3', at('1')))).toEqual(['2', '3']);
    expect(versions(planPath(graph, '2', at('1')))).toEqual(['2']);
  });

  test('starts at any digest of a release', () => {
    for (const kind of ['', '-disk', '-again']) {
      expect(versions(planPath(graph, '6', at('5', { bootedDigest: digest(`5${kind}`) })))).toEqual(['6']);
      expect(planPath(graph, '5', at('5', { bootedDigest: digest(`5${kind}`) }))).toEqual({
        kind: 'arrived',
      });
    }
  });

  test('goes around a risk where it can, and names it where it cannot', () => {
    expect(versions(planPath(graph, '7', at('5')))).toEqual(['6', '7']);
    const path = planPath(graph, '7', at('6', { inventory: { gpu: 'old' } }));
    expect(path).toMatchObject({ kind: 'risk', risks: [{ name: 'GpuPanics' }] });
  });

  test('says why there is none', () => {
    expect(planPath(graph, '7', at('4'))).toEqual({ kind: 'dead-end', version: '4', reason: 'loses /boot' });
    expect(planPath(graph, '7', at('x'))).toEqual({ kind: 'unknown-digest', digest: digest('x') });
    expect(planPath(graph, '9', at('1'))).toEqual({ kind: 'unknown-target', version: '9' });
    expect(planPath(graph, '3', at('6'))).toEqual({ kind: 'newer', version: '6' });
    expect(planPath(graph, '7', { ...at('1'), bootedDigest: undefined })).toEqual({ kind: 'silent' });
    expect(planPath(graph, '7', at('1', { architecture: 'arm64' }))).toEqual({
      kind: 'no-image',
      version: '7',
      architecture: 'arm64',
    });
    const denied = new Set([digest('5')]);
    expect(planPath(graph, '6', at('3'), { denied })).toMatchObject({ kind: 'denied', version: '5' });
    expect(planPath(graph, '6', at('3'), { denied: new Set([digest('6-again')]) })).toMatchObject({
      kind: 'denied',
      version: '6',
    });
  });

  test('goes back in one hop when allowed', () => {
    expect(versions(planPath(graph, '1', at('6'), { allowDowngrade: true }))).toEqual(['1']);
    expect(
      versions(planPath(graph, '1', at('6'), { allowDowngrade: true, denied: new Set([digest('1')]) })),
    ).toBe('denied');
  });
});

test('releases that contradict each other are refused with everything found', () => {
  const refuse = () =>
    releaseGraph([
      release('1', { digests: [] }),
      release('2', { barrier: { reason: 'a' }, deadEnd: { reason: 'b' } }),
      release('2'),
      release('3', { risks: [{ name: 'R', message: 'm', from: ['9'], affects: parseSelector('') }] }),
    ]);
  expect(refuse).toThrow(
    expect.objectContaining({ code: 'RELEASE_GRAPH_INVALID', findings: expect.any(Array) }),
  );
  try {
    refuse();
  } catch (error) {
    expect((error as { findings: readonly string[] }).findings).toHaveLength(7);
  }
});

describe('whatever the graph', () => {
  const shape = fc.array(
    fc.record({
      kind: fc.constantFrom('plain', 'plain', 'plain', 'barrier', 'dead-end'),
      riskFrom: fc.option(fc.nat(9), { nil: undefined }),
    }),
    { minLength: 2, maxLength: 10 },
  );

  /** Every way there is, by trying all of them: what the search is held against. */
  function shortest(graph: ReturnType<typeof releaseGraph>, from: number, to: number): number | undefined {
    if (from === to) return 0;
    let best: number | undefined;
    for (let via = from + 1; via <= to; via += 1) {
      const version = graph.releases[from]?.version ?? '';
      const risky = graph.releases[via]?.risks?.some((risk) => risk.from?.includes(version)) === true;
      if (risky || !hasEdge(graph, from, via)) continue;
      const rest = shortest(graph, via, to);
      if (rest !== undefined && (best === undefined || rest + 1 < best)) best = rest + 1;
    }
    return best;
  }

  test('the way is valid and the shortest, and none is missed', () => {
    fc.assert(
      fc.property(shape, fc.nat(9), fc.nat(9), (nodes, a, b) => {
        const graph = releaseGraph(
          nodes.map(({ kind, riskFrom }, index) =>
            release(`${index}`, {
              ...(kind === 'barrier' ? { barrier: { reason: 'barrier' } } : {}),
              ...(kind === 'dead-end' ? { deadEnd: { reason: 'dead end' } } : {}),
              ...(riskFrom === undefined || riskFrom >= nodes.length
                ? {}
                : {
                    risks: [{ name: 'R', message: 'm', from: [`${riskFrom}`], affects: parseSelector('') }],
                  }),
            }),
          ),
        );
        const [from, to] = [Math.min(a, b) % nodes.length, Math.max(a, b) % nodes.length];
        fc.pre(from < to);
        const path = planPath(graph, `${to}`, at(`${from}`));
        const best = shortest(graph, from, to);
        if (best === undefined) {
          expect(['dead-end', 'risk']).toContain(path.kind);
          return;
        }
        if (path.kind !== 'path') throw new Error(`no way found: ${path.kind}`);
        expect(path.hops).toHaveLength(best);
        let place = from;
        for (const { version } of path.hops) {
          expect(hasEdge(graph, place, Number(version))).toBe(true);
          place = Number(version);
        }
        expect(place).toBe(to);
      }),
      { numRuns: 500 },
    );
  });
});
