/**
 * The most memory a pull ever holds: images of very many files brought into a store whole, in parts and by its delta.
 *
 *     node bench/memory.bench.ts
 */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { startRegistry } from '../tests/harness/registry.ts';
import { type Timing, timeScript } from './compare.ts';
import { LARGE_SERVER, type ManyFiles, manyFilesPair, ONE_HUGE_LAYER } from './many-files.ts';
import { bytesRow, printRows, type Row } from './rows.ts';

/** Whatever the image. */
const GOAL_BYTES = 250_000_000;

await using registry = await startRegistry();
const rows: Row[] = [];
for (const shape of [LARGE_SERVER, ONE_HUGE_LAYER]) rows.push(...(await measured(shape)));
process.stdout.write('memory: the most a pull of very many files holds\n');
printRows(rows);

async function measured(shape: ManyFiles): Promise<readonly Row[]> {
  const layout = await manyFilesPair(shape);
  await using dir = await makeTempDir('bench-memory');
  const remote = `${registry.hostPort}/many-${shape.files}:v2`;
  await run(['skopeo', 'copy', '--dest-tls-verify=false', `oci:${layout}:v2`, `docker://${remote}`], {
    describe: 'push the image',
  });
  const base = join(dir.path, 'base');
  const cache = join(dir.path, 'cache');
  const update = async (name: string, image: string, way: 'whole' | 'delta'): Promise<Timing> => {
    // In a store that has the version before.
    const store = join(dir.path, name);
    await cp(base, store, { recursive: true, verbatimSymlinks: true });
    return await timeScript('delta-once.ts', [image, store, cache, way]);
  };
  const step = `${shape.files} files in ${shape.layers} layers`;
  return [
    row(
      `${step}, and what a host boots`,
      await timeScript('import-once.ts', [`oci:${layout}:v1`, base, cache]),
    ),
    row(`${step}: the next version, in parts`, await update('partial', remote, 'whole')),
    row(`${step}: the next version, by its delta`, await update('delta', `oci:${layout}:v2`, 'delta')),
  ];
}

function row(step: string, { peakBytes = 0 }: Timing): Row {
  return bytesRow({ step, peer: 'the bound', goal: 1 }, GOAL_BYTES, peakBytes);
}
