import { describe, expect, test } from 'vitest';
import { releaseGraph } from '../release/graph.ts';
import type { Release } from '../release/release.ts';
import { parseSelector } from '../selector/parse-selector.ts';
import { answerGraph, type GraphContext, shareAt } from './cincinnati.ts';

const REPOSITORY = 'quay.io/fedora/fedora-coreos';

function digest(digit: number): string {
  return `sha256:${`${digit}`.repeat(64)}`;
}

function release(version: string, digit: number, more: Partial<Release> = {}): Release {
  return {
    version,
    repository: REPOSITORY,
    digests: [
      { digest: digest(digit), role: 'image', architecture: 'amd64' },
      { digest: `sha256:d${`${digit}`.repeat(63)}`, role: 'disk', architecture: 'amd64' },
    ],
    metadata: {},
    ...more,
  };
}

const START_MS = 1_764_082_800_000;
const ROLLOUT = { startMs: START_MS, startShare: 0, durationMs: 2880 * 60_000 };

function context(
  nowMs: number,
  releases = [release('43.20251110.3.1', 1), release('43.20251124.3.0', 2)],
): GraphContext {
  const rollouts = new Map([['43.20251124.3.0', ROLLOUT]]);
  return { streams: new Map([['stable', { graph: releaseGraph(releases), rollouts }]]), nowMs };
}

function query(more: Record<string, string> = {}): string {
  return new URLSearchParams({
    basearch: 'x86_64',
    stream: 'stable',
    oci: 'true',
    node_uuid: 'b9f3',
    os_version: '43.20251110.3.1',
    os_checksum: `${REPOSITORY}@${digest(1)}`,
    group: 'default',
    platform: 'qemu',
    rollout_wariness: '0.500000',
    ...more,
  }).toString();
}

function edges(text: string): unknown {
  return (JSON.parse(text) as { readonly edges: unknown }).edges;
}

test('the graph is that of the sample, letter by letter', () => {
  const { answer } = answerGraph(query(), context(START_MS + 1440 * 60_000));
  expect(answer.headers).toEqual({ 'content-type': 'application/json' });
  const p = 'org.fedoraproject.coreos.';
  expect(answer.body).toBe(
    `{"nodes":[{"version":"43.20251110.3.1","payload":"${REPOSITORY}@${digest(1)}","metadata":{"${p}scheme":"oci","${p}releases.age_index":"0"}},` +
      `{"version":"43.20251124.3.0","payload":"${REPOSITORY}@${digest(2)}","metadata":{"${p}scheme":"oci","${p}releases.age_index":"1",` +
      `"${p}updates.rollout":"true","${p}updates.start_epoch":"1764082800","${p}updates.start_value":"0.0","${p}updates.duration_minutes":"2880"}}],` +
      '"edges":[[0,1]]}',
  );
});

describe('edges', () => {
  test('open with time: the less wary first, those without any wariness at once', () => {
    const half = START_MS + 1440 * 60_000;
    expect(edges(answerGraph(query({ rollout_wariness: '0.51' }), context(half)).answer.body)).toEqual([]);
    expect(edges(answerGraph(query({ rollout_wariness: '0.49' }), context(half)).answer.body)).toEqual([
      [0, 1],
    ]);
    expect(edges(answerGraph(query({ rollout_wariness: '0' }), context(0)).answer.body)).toEqual([[0, 1]]);
    expect(
      edges(answerGraph(query({ rollout_wariness: '1' }), context(START_MS + 2880 * 60_000)).answer.body),
    ).toEqual([[0, 1]]);
  });

  test('open for a client without wariness as for one drawn from its name', () => {
    const half = START_MS + 1440 * 60_000;
    let open = 0;
    for (let node = 0; node < 1000; node += 1) {
      const text = query({ node_uuid: `node-${node}` }).replace('&rollout_wariness=0.500000', '');
      if ((edges(answerGraph(text, context(half)).answer.body) as unknown[]).length > 0) open += 1;
    }
    expect(open).toBeGreaterThan(420);
    expect(open).toBeLessThan(580);
  });

  test('are decided by the rollout engine for devices of a fleet', () => {
    const early = { ...context(0), decide: () => true };
    expect(edges(answerGraph(query({ rollout_wariness: '1' }), early).answer.body)).toEqual([[0, 1]]);
    const never = { ...context(START_MS * 2), decide: () => false };
    expect(edges(answerGraph(query({ rollout_wariness: '0' }), never).answer.body)).toEqual([]);
  });

  test('stop at barriers and dead ends, which say why, and leave risks out', () => {
    const releases = [
      release('1', 1),
      release('2', 2, { barrier: { reason: 'new keys' } }),
      release('3', 3, { deadEnd: { reason: 'lost' } }),
      release('4', 4, { risks: [{ name: 'R', message: 'm', affects: parseSelector('platform=aws') }] }),
    ];
    const { body } = answerGraph(query(), context(0, releases)).answer;
    expect(edges(body)).toEqual([
      [0, 1],
      [1, 2],
      [1, 3],
    ]);
    expect(body).toContain(
      '"org.fedoraproject.coreos.updates.barrier":"true","org.fedoraproject.coreos.updates.barrier_reason":"new keys"',
    );
    expect(body).toContain(
      '"org.fedoraproject.coreos.updates.deadend":"true","org.fedoraproject.coreos.updates.deadend_reason":"lost"',
    );
    expect(edges(answerGraph(query({ platform: 'aws' }), context(0, releases)).answer.body)).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });
});

test('a client that booted another digest of a release finds itself under the name it knows', () => {
  const booted = `${REPOSITORY}@sha256:d${'1'.repeat(63)}`;
  const result = answerGraph(query({ os_checksum: booted, rollout_wariness: '0' }), context(0));
  expect(result.answer.body).toContain(`"payload":"${booted}"`);
  expect(result.unknownDigest).toBeUndefined();
});

test('a client that booted what no release has is noticed', () => {
  const result = answerGraph(query({ os_checksum: `${REPOSITORY}@${digest(7)}` }), context(0));
  expect(result.answer.status).toBe(200);
  expect(result.unknownDigest).toBe(digest(7));
});

test.each([
  ['stream=stable', 400, 'missing_params'],
  ['basearch=x86_64', 400, 'missing_params'],
  ['basearch=x86_64&stream=none', 404, 'unknown_stream'],
  ['basearch=z80&stream=stable', 400, 'unknown_basearch'],
  [`basearch=x86_64&stream=${'s'.repeat(9000)}`, 414, 'query_too_long'],
])('%.60s is refused', (text, status, kind) => {
  const { answer } = answerGraph(text, context(0));
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.body)).toMatchObject({ kind, value: expect.stringMatching(/./) });
});

test('a client of the time before containers is sent nowhere', () => {
  expect(answerGraph(query({ oci: 'false' }), context(0)).answer.body).toBe('{"nodes":[],"edges":[]}');
});

test('the share that is let out', () => {
  expect(shareAt({ startMs: 100, startShare: 0.2 }, 99)).toBe(0);
  expect(shareAt({ startMs: 100, startShare: 0.2 }, 1e9)).toBe(0.2);
  expect(shareAt({ startMs: 100, startShare: 0.2, durationMs: 100 }, 150)).toBeCloseTo(0.6);
  expect(shareAt({ startMs: 100, startShare: 0.2, durationMs: 100 }, 200)).toBe(1);
});
