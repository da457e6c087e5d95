import type { ReleaseGraph } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { layOut, NODE_HEIGHT, NODE_WIDTH, type PlacedNode } from './release-layout.ts';

/** The releases of a stream, oldest to the left, and the steps between them. */
export function ReleaseGraphPicture({ graph }: { readonly graph: ReleaseGraph }): ReactNode {
  const { nodes, edges, width, height } = layOut(graph);
  if (nodes.length === 0) return <p>No releases yet.</p>;
  return (
    <section className="slipway-graph" tabIndex={0} aria-label="Release graph, scrollable">
      <svg width={width} height={height} role="img" aria-label={inWords(graph)}>
        {edges.map(({ from, to, path, risks }) => (
          <path key={`${from} ${to}`} className={risks.length > 0 ? 'edge risky' : 'edge'} d={path}>
            <title>{risks.length > 0 ? `${from} to ${to}: ${risks.join(', ')}` : `${from} to ${to}`}</title>
          </path>
        ))}
        {nodes.map((node) => (
          <Node key={node.release} node={node} />
        ))}
      </svg>
    </section>
  );
}

function Node({ node }: { readonly node: PlacedNode }): ReactNode {
  const { x, y, version, devices, barrier, deadEnd, withdrawn } = node;
  const closed = withdrawn ?? deadEnd;
  const kind = closed === null ? (devices > 0 ? 'node current' : 'node') : 'node closed';
  const mark =
    withdrawn !== null ? 'withdrawn' : deadEnd !== null ? 'dead end' : barrier !== null ? 'barrier' : '';
  return (
    <g transform={`translate(${x},${y})`}>
      <title>{[version, barrier, deadEnd, withdrawn].filter((part) => part !== null).join(': ')}</title>
      <rect className={kind} width={NODE_WIDTH} height={NODE_HEIGHT} rx={6} />
      <text x={10} y={20}>
        {version}
      </text>
      <text x={10} y={38} className="slipway-quiet">
        {devices.toLocaleString('en')} devices{mark === '' ? '' : `, ${mark}`}
      </text>
    </g>
  );
}

function inWords({ nodes, edges, stream }: ReleaseGraph): string {
  return `Stream ${stream}: ${nodes.length} releases, ${edges.length} steps between them`;
}
