/**
 * The most memory a pull ever holds: an image of 150,000 files brought into a store whole, in parts and by its delta.
 *
 *     node bench/memory.bench.ts
 */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { startRegistry } from '../tests/harness/registry.ts';
import { type Timing, timeScript } from './compare.ts';
import { manyFilesPair } from './many-files.ts';
import { bytesRow, printRows, type Row } from './rows.ts';

/** Whatever the image. */
const GOAL_BYTES = 250_000_000;

const layout = await manyFilesPair();
await using dir = await makeTempDir('bench-memory');
await using registry = await startRegistry();
const remote = `${registry.hostPort}/many:v2`;
await run(['skopeo', 'copy', '--dest-tls-verify=false', `oci:${layout}:v2`, `docker://${remote}`], {
  describe: 'push the image',
});
const base = join(dir.path, 'base');
const cache = join(dir.path, 'cache');

// Each once before: the first time Node takes the types out of every source, which an executable never does.
await timeScript('import-once.ts', [`oci:${layout}:v1`, base, cache]);
const whole = await timeScript('import-once.ts', [`oci:${layout}:v1`, join(dir.path, 'whole'), cache]);
await update('partial', remote, 'whole');
const partial = await update('partial', remote, 'whole');
await update('delta', `oci:${layout}:v2`, 'delta');
const delta = await update('delta', `oci:${layout}:v2`, 'delta');
process.stdout.write('memory: the most a pull of 150,000 files holds\n');
printRows([
  row('whole image, and what a host boots', whole),
  row('the next version, in parts', partial),
  row('the next version, by its delta', delta),
]);

/** In a store that has the version before. */
async function update(name: string, image: string, way: 'whole' | 'delta'): Promise<Timing> {
  const store = join(dir.path, name);
  await rm(store, { recursive: true, force: true });
  await cp(base, store, { recursive: true, verbatimSymlinks: true });
  return await timeScript('delta-once.ts', [image, store, cache, way]);
}

function row(step: string, { peakBytes = 0 }: Timing): Row {
  return bytesRow({ step, peer: 'the bound', goal: 1 }, GOAL_BYTES, peakBytes);
}
