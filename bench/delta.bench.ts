/**
 * What a delta costs, next to zstd --patch-from over just the files that changed, and how long a host takes to apply it.
 *
 *     node bench/delta.bench.ts
 *
 * Both sides pack with level 19. The delta carries headers, links and times as well; zstd sees old and new files as one long
 * stream each, in the order of the archive. Takes some ten minutes and 5 GB in the temporary directory.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { cp, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDelta, type DeltaSide, importImage, initRepository, pushDelta } from '@slipway/composefs';
import { formatBytes, makeTempDir, run } from '@slipway/core';
import { digestOf, layoutSource, readTar } from '@slipway/oci';
import { compare, type Timing, timeHere, timeScript } from './compare.ts';
import { bytesRow, printRows } from './rows.ts';
import { updatePair } from './update-pair.ts';

const ROUNDS = 2;
const GOAL = 1.15;

const { layout, archives } = await updatePair();
await using dir = await makeTempDir('bench-delta');
const base = join(dir.path, 'base');
let stores = 0;
const reference = await patchFrom();
const own = await ourDelta();

process.stdout.write(`changed files: ${reference.files}, ${formatBytes(reference.rawBytes)}\n`);
process.stdout.write(`delta in place of ${formatBytes(own.replacedBytes)} of layers, `);
process.stdout.write(`made in ${(own.timing.cpuMs / 1000).toFixed(0)} CPU seconds\n`);
const row = { step: 'length of the delta', peer: 'zstd -19 --long=31 --patch-from', goal: GOAL };
printRows([bytesRow(row, reference.sizeBytes, own.sizeBytes)]);
await compare([
  {
    step: 'fetch the new version from a layout',
    peer: 'without the delta',
    theirs: () => fetched('whole'),
    ours: () => fetched('delta'),
    rounds: ROUNDS,
  },
]);

/** The reference: only contents no file of the other version has. */
async function patchFrom(): Promise<{
  readonly sizeBytes: number;
  readonly rawBytes: number;
  readonly files: number;
}> {
  const [old, fresh] = [await contents(archives.v1), await contents(archives.v2)];
  const [oldPath, newPath, patch] = ['old', 'new', 'patch'].map((name) => join(dir.path, name));
  await writeChanged(archives.v1, fresh, oldPath ?? '');
  await writeChanged(archives.v2, old, newPath ?? '');
  const argv = ['-q', '-19', '--long=31', `--patch-from=${oldPath}`, newPath ?? '', '-o', patch ?? ''];
  await run(['zstd', ...argv], { describe: 'make the reference' });
  const [{ size: rawBytes }, { size: sizeBytes }] = [await stat(newPath ?? ''), await stat(patch ?? '')];
  const files = [...fresh].filter(([digest]) => !old.has(digest)).reduce((sum, [, count]) => sum + count, 0);
  return { sizeBytes, rawBytes, files };
}

/** How many files have each content. */
async function contents(archive: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for await (const bytes of bodies(archive)) {
    const digest = digestOf(bytes);
    found.set(digest, (found.get(digest) ?? 0) + 1);
  }
  return found;
}

async function writeChanged(
  archive: string,
  others: ReadonlyMap<string, number>,
  path: string,
): Promise<void> {
  async function* changed(): AsyncGenerator<Buffer, void, undefined> {
    for await (const bytes of bodies(archive)) if (!others.has(digestOf(bytes))) yield bytes;
  }
  await pipeline(Readable.from(changed()), createWriteStream(path));
}

async function* bodies(archive: string): AsyncGenerator<Buffer, void, undefined> {
  for await (const entry of readTar(createReadStream(archive) as AsyncIterable<Buffer>)) {
    if (entry.kind !== 'file' || entry.sizeBytes === 0) continue;
    const parts: Uint8Array[] = [];
    for await (const part of entry.body) parts.push(part);
    yield Buffer.concat(parts);
  }
}

async function ourDelta(): Promise<{
  readonly sizeBytes: number;
  readonly replacedBytes: number;
  readonly timing: Timing;
}> {
  const repository = await initRepository(base, { verity: 'none' });
  const [old, fresh] = [await side('v1'), await side('v2')];
  const cacheDir = join(dir.path, 'cache');
  const outputDir = join(dir.path, 'delta');
  await mkdir(outputDir);
  await importImage(repository, old.source, old.image, { cacheDir });
  let sizes = { sizeBytes: 0, replacedBytes: 0 };
  const timing = await timeHere(async () => {
    const delta = await createDelta(repository, old, fresh, { cacheDir, outputDir });
    await pushDelta(delta, { kind: 'oci', path: layout, tag: 'v2', digest: undefined });
    sizes = delta;
  });
  return { ...sizes, timing };
}

async function side(tag: string): Promise<DeltaSide> {
  const source = layoutSource({ kind: 'oci', path: layout, tag, digest: undefined });
  return { source, image: await source.resolve('amd64') };
}

/** A store that has the old version, and nothing read of it lately but what a host would have. */
async function fetched(way: 'delta' | 'whole'): Promise<Timing> {
  stores += 1;
  const store = join(dir.path, `store-${stores}`);
  await cp(base, store, { recursive: true, verbatimSymlinks: true });
  return await timeScript('delta-once.ts', [`oci:${layout}:v2`, store, join(dir.path, 'cache'), way]);
}
