import {
  answerFleetLock,
  answerGraph,
  answerOmaha,
  formatSelector,
  matches,
  parseSelector,
  releaseGraph,
} from '@slipway/fleet';
import { mutateText } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

const DIGEST = `sha256:${'1'.repeat(64)}`;
const GRAPH = releaseGraph([
  { version: '1', repository: 'example.com/os', digests: [{ digest: DIGEST, role: 'image' }], metadata: {} },
]);

/** What anybody on the network may send to a fleet server. */
export const FLEET_TARGETS: readonly FuzzTarget[] = [
  { name: 'label-selector', mutate: mutateText, read: async (bytes) => readSelector(bytes.toString('utf8')) },
  { name: 'omaha', mutate: mutateText, read: async (bytes) => readOmaha(bytes) },
  {
    name: 'cincinnati-query',
    mutate: mutateText,
    read: async (bytes) => readGraphQuery(bytes.toString('utf8')),
  },
  { name: 'fleet-lock', mutate: mutateText, read: async (bytes) => readLockRequest(bytes.toString('utf8')) },
];

/** What was read is written so that it is read the same. */
function readSelector(text: string): void {
  const selector = parseSelector(text.trimEnd());
  const canonical = formatSelector(selector);
  const again = parseSelector(canonical);
  if (formatSelector(again) !== canonical) throw new Error(`${canonical} is not read as what it is`);
  const labels = { stage: 'canary', store: '7' };
  if (matches(again, labels) !== matches(selector, labels)) throw new Error(`${canonical} chooses others`);
}

/** Whatever a client sends it gets an answer that names no one else, and is XML where it is an answer. */
function readOmaha(bytes: Buffer): void {
  const { answer, request } = answerOmaha(bytes, {
    server: 'fuzz',
    nowMs: 0,
    appIds: new Set(['{e96281a6-d1af-4bde-9a0a-97b76e56dc57}']),
    updateFor: () => undefined,
  });
  if (answer.status !== (request === undefined ? 400 : 200)) throw new Error(`answered ${answer.status}`);
  // oxlint-disable-next-line no-control-regex
  if (request !== undefined && /[\u0000-\u0008]|<script/u.test(answer.body)) throw new Error(answer.body);
}

function readGraphQuery(text: string): void {
  const { answer } = answerGraph(text.trimEnd(), {
    streams: new Map([['stable', { graph: GRAPH, rollouts: new Map() }]]),
    nowMs: 0,
  });
  JSON.parse(answer.body);
}

function readLockRequest(body: string): void {
  const group = { name: 'workers', slots: 1, ttlMs: 1000 };
  const { answer, locks } = answerFleetLock(
    { api: 'pre-reboot', protocolHeader: 'true', body },
    { groups: [group], locks: [], nowMs: 0 },
  );
  if ((answer.status === 200) !== (locks.length === 1))
    throw new Error('a lock without an answer, or the reverse');
}
