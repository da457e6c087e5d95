/**
 * What a host fetches to have the next version of an image, file by file, next to the least there is: all new files in one stream.
 *
 *     node bench/chunked.bench.ts [oci:DIR:TAG]
 *
 * The version before is the same image with every file of some directories another one, about a third of its bytes. Both are
 * pushed to a registry; what the registry sends is counted.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { importImage, initRepository } from '@slipway/composefs';
import { type ByteStream, formatBytes, makeTempDir } from '@slipway/core';
import {
  compress,
  type LayoutReference,
  MEDIA_TYPES,
  openImage,
  openLayer,
  openLayoutWriter,
  openTarget,
  parseReference,
  readTar,
  recompressImage,
  type TarInput,
  writeLayer,
  writeTar,
} from '@slipway/oci';
import { startFaultProxy } from '../tests/harness/fault-proxy.ts';
import { baseImage } from '../tests/harness/images.ts';
import { startRegistry } from '../tests/harness/registry.ts';
import { bytesRow, printRows } from './rows.ts';

const ARCHITECTURE = 'amd64';
/** Of so many directories, one changed. */
const CHANGED_DIVISOR = 3;

const given = process.argv[2] ?? (await baseImage('trixie', (line) => process.stderr.write(`${line}\n`)));
const reference = parseReference(given);
if (reference.kind !== 'oci') throw new Error(`${given} is no layout`);
await using temp = await makeTempDir('bench-chunked');
const newFilesBytes = await writeOlder(reference, temp.path);
const fetched = await pullNewer(reference, temp.path);
process.stdout.write(
  `update in parts: ${fetched.requests} requests in place of ${formatBytes(fetched.layerBytes)} of layers, `,
);
process.stdout.write(`${(fetched.cpuMs / 1000).toFixed(1)} CPU seconds\n`);
const row = {
  step: 'fetch the new version, file by file',
  peer: 'new files, one zstd -3 stream',
  goal: 1.05,
};
printRows([bytesRow(row, newFilesBytes, fetched.sentBytes)]);

/** Writes the version before, and says what the files that are new since then are in one stream. */
async function writeOlder(newer: LayoutReference, directory: string): Promise<number> {
  await using source = openImage(newer);
  const image = await source.resolve(ARCHITECTURE);
  await using layout = await openLayoutWriter(join(directory, 'older'));
  const changed: Buffer[] = [];
  const layers = [];
  for (const index of image.manifest.layers.keys()) {
    const tar = openLayer(source, image, index, { cacheDir: directory });
    layers.push(await writeLayer(layout, writeTar(older(tar, changed)), { level: 1 }));
  }
  const diffIds = layers.map((layer) => layer.diffId);
  const config = Buffer.from(
    JSON.stringify({
      architecture: ARCHITECTURE,
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: diffIds },
    }),
  );
  const blob = await layout.writeBlob(once(config));
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: { mediaType: MEDIA_TYPES.config, ...blob },
    layers: layers.map((layer) => layer.descriptor),
  };
  await layout.putManifest(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.manifest, 'older');
  return await lengthOf(compress(inOrder(changed), 'zstd', { level: 3 }));
}

/** The members, some with another content; what they have in the newer version is kept. */
async function* older(tar: ByteStream, changed: Buffer[]): AsyncGenerator<TarInput, void, undefined> {
  for await (const entry of readTar(tar)) {
    const parts: Uint8Array[] = [];
    for await (const part of entry.body) parts.push(part);
    const body = Buffer.concat(parts);
    const directory = entry.path.slice(0, entry.path.lastIndexOf('/') + 1);
    const isChanged = createHash('sha256').update(directory).digest().readUInt32LE() % CHANGED_DIVISOR === 0;
    if (!isChanged || body.length === 0) yield { ...entry, body: [body] };
    else {
      changed.push(body);
      // Every piece of it is another one.
      yield { ...entry, body: [body.map((byte) => byte ^ 0x55)] };
    }
  }
}

async function pullNewer(
  newer: LayoutReference,
  directory: string,
): Promise<{
  readonly sentBytes: number;
  readonly layerBytes: number;
  readonly requests: number;
  readonly cpuMs: number;
}> {
  await using registry = await startRegistry();
  await using proxy = await startFaultProxy(registry.hostPort);
  const name = parseReference(`${registry.hostPort}/os:newer`);
  {
    await using source = openImage(newer);
    const image = await source.resolve(ARCHITECTURE);
    await using target = await openTarget(name);
    await recompressImage(source, image, target, { format: 'zstd:chunked', tag: 'newer' });
  }
  const repository = await initRepository(join(directory, 'store'));
  const cacheDir = join(directory, 'cache');
  await using first = openImage(parseReference(`oci:${join(directory, 'older')}:older`));
  await importImage(repository, first, await first.resolve(ARCHITECTURE), { cacheDir });
  await using second = openImage(parseReference(`${proxy.hostPort}/os:newer`));
  const image = await second.resolve(ARCHITECTURE);
  const before = process.cpuUsage();
  await importImage(repository, second, image, { cacheDir });
  const { user, system } = process.cpuUsage(before);
  const layers = image.manifest.layers.flatMap(({ digest }) => proxy.blobRequests(digest));
  return {
    sentBytes: layers.reduce((sum, request) => sum + request.sentBytes, 0),
    layerBytes: image.manifest.layers.reduce((sum, layer) => sum + layer.size, 0),
    requests: layers.length,
    cpuMs: (user + system) / 1000,
  };
}

async function lengthOf(stream: ByteStream): Promise<number> {
  let total = 0;
  for await (const chunk of stream) total += chunk.length;
  return total;
}

async function* inOrder(buffers: readonly Buffer[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* buffers;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
