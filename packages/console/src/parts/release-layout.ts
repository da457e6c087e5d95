/** Where the releases of a stream stand in a picture: columns by how many steps lead to them. */
import type { ReleaseGraph } from '@slipway/fleet-api';

export const NODE_WIDTH = 150;
export const NODE_HEIGHT = 48;
const COLUMN = NODE_WIDTH + 50;
const ROW = NODE_HEIGHT + 24;
const MARGIN = 12;

type Node = ReleaseGraph['nodes'][number];
export type PlacedNode = Node & { readonly x: number; readonly y: number };
export type PlacedEdge = ReleaseGraph['edges'][number] & { readonly path: string };

export interface GraphLayout {
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
  readonly width: number;
  readonly height: number;
}

/** Pure: the same graph gives the same picture. A circle, which a server should not have, ends where it began. */
export function layOut(graph: ReleaseGraph): GraphLayout {
  const columns = columnsOf(graph);
  const filled = new Map<number, number>();
  const nodes = graph.nodes.map((node) => {
    const column = columns.get(node.release) ?? 0;
    const row = filled.get(column) ?? 0;
    filled.set(column, row + 1);
    return { ...node, x: MARGIN + column * COLUMN, y: MARGIN + row * ROW };
  });
  const placed = new Map(nodes.map((node) => [node.release, node]));
  const edges = graph.edges.flatMap((edge) => {
    const [from, to] = [placed.get(edge.from), placed.get(edge.to)];
    return from === undefined || to === undefined ? [] : [{ ...edge, path: curve(from, to) }];
  });
  return {
    nodes,
    edges,
    width: MARGIN * 2 + NODE_WIDTH + COLUMN * Math.max(0, ...columns.values()),
    height: MARGIN * 2 + NODE_HEIGHT + ROW * (Math.max(1, ...filled.values()) - 1),
  };
}

/** The longest way to each release, so that every step leads to the right. */
function columnsOf({ nodes, edges }: ReleaseGraph): ReadonlyMap<string, number> {
  const columns = new Map(nodes.map(({ release }) => [release, 0]));
  for (let round = 0; round < nodes.length; round += 1) {
    let moved = false;
    for (const { from, to } of edges) {
      const wanted = (columns.get(from) ?? 0) + 1;
      if (from === to || wanted <= (columns.get(to) ?? 0) || wanted >= nodes.length) continue;
      columns.set(to, wanted);
      moved = true;
    }
    if (!moved) break;
  }
  return columns;
}

function curve(from: PlacedNode, to: PlacedNode): string {
  const [x1, y1] = [from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2];
  const [x2, y2] = [to.x, to.y + NODE_HEIGHT / 2];
  const bend = Math.max(25, (x2 - x1) / 2);
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
}
