import type { ReleaseGraph } from '@slipway/fleet-api';
import { expect, test } from 'vitest';
import { layOut } from './release-layout.ts';

function graph(names: readonly string[], steps: readonly (readonly [string, string])[]): ReleaseGraph {
  return {
    stream: 'stable',
    nodes: names.map((release) => ({
      release,
      version: release,
      barrier: null,
      deadEnd: null,
      withdrawn: null,
      devices: 0,
    })),
    edges: steps.map(([from, to]) => ({ from, to, risks: [] })),
  };
}

test('every step leads to the right, however many ways there are', () => {
  const { nodes, edges } = layOut(
    graph(
      ['a', 'b', 'c', 'd'],
      [
        ['a', 'd'],
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'd'],
      ],
    ),
  );
  const x = Object.fromEntries(nodes.map((node) => [node.release, node.x]));
  for (const { from, to } of edges) expect(x[to]).toBeGreaterThan(x[from] ?? Number.POSITIVE_INFINITY);
});

test('no two releases stand in one place, and all are in the picture', () => {
  const { nodes, width, height } = layOut(graph(['a', 'b', 'c'], [['a', 'b']]));
  expect(new Set(nodes.map(({ x, y }) => `${x} ${y}`)).size).toBe(3);
  for (const { x, y } of nodes) {
    expect(x).toBeLessThan(width);
    expect(y).toBeLessThan(height);
  }
});

test('a circle, and a step to nowhere, do not keep it from ending', () => {
  const { nodes, edges } = layOut(
    graph(
      ['a', 'b'],
      [
        ['a', 'b'],
        ['b', 'a'],
        ['b', 'elsewhere'],
      ],
    ),
  );
  expect(nodes).toHaveLength(2);
  expect(edges).toHaveLength(2);
});
