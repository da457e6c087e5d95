/**
 * What an update costs whoever knows layers and nothing finer: two builds of a base image as they are, and rechunked.
 *
 *     node bench/rechunk.bench.ts
 *
 * Bytes are what a registry sends to `skopeo copy`.
 */
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { baseImage, earlierBaseImage } from '../tests/harness/images.ts';
import { startRegistry } from '../tests/harness/registry.ts';
import { slipway, slipwayJson } from '../tests/harness/slipway.ts';
import { updateCostBytes } from '../tests/harness/update-cost.ts';
import { bytesRow, printRows } from './rows.ts';

/** The ratio that is aimed at. */
const GOAL = 0.5;

await using directory = await makeTempDir('bench-rechunk');
await using registry = await startRegistry();
const v1 = await earlierBaseImage(() => undefined);
const v2 = await baseImage('trixie', () => undefined);
const at = (repository: string, tag: string): string => `${registry.hostPort}/${repository}:${tag}`;

/** Prepares both versions in a repository, and counts what the second costs whoever has the first. */
async function cost(
  repository: string,
  prepare: (image: string, tag: string) => Promise<unknown>,
): Promise<number> {
  await prepare(v1, 'v1');
  await prepare(v2, 'v2');
  const own = join(directory.path, repository);
  return await updateCostBytes({
    registry: registry.hostPort,
    repository,
    from: 'v1',
    to: 'v2',
    directory: own,
  });
}

const rechunked = (repository: string, ...options: readonly string[]): Promise<number> =>
  cost(repository, (image, tag) => slipway(['rechunk', '-q', image, '-t', at(repository, tag), ...options]));

const plain = await cost('plain', (image, tag) => slipway(['push', '-q', image, at('plain', tag)]));
const costs: readonly (readonly [string, number])[] = [
  ['rechunked', await rechunked('rechunked')],
  ['rechunked, zstd', await rechunked('zstd', '--compression', 'zstd')],
  ['rechunked, one time for generated files', await rechunked('mtime', '--mtime', '0')],
];
const difference = (await slipwayJson(['diff', '-q', v1, v2])) as {
  readonly download: { readonly filesBytes: number };
};
process.stdout.write('rechunk: bytes of an update pulled by skopeo copy\n');
printRows([
  ...costs.map(([step, bytes]) => bytesRow({ step, peer: 'as built', goal: GOAL }, plain, bytes)),
  bytesRow({ step: 'new files alone', peer: 'as built' }, plain, difference.download.filesBytes),
]);
