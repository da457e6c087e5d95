import { createCipheriv, createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { makeTempDir, SlipwayError, type TempDir } from '@slipway/core';
import {
  type BlobRange,
  compressChunked,
  type Descriptor,
  digestOf,
  type ImageSource,
  layerMediaType,
  type ResolvedImage,
  type TarInput,
  writeTar,
} from '@slipway/oci';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { initRepository } from '../repository/init.ts';
import type { Repository } from '../repository/repository.ts';
import type { StreamContent } from '../repository/stream-record.ts';
import { ContentRecordWriter, contentStreamName, contentsOf, type LocatedContent } from './content-record.ts';
import { type ImportedImage, importImage } from './import-image.ts';
import { layerStreamName } from './layer-record.ts';
import { bytesOf, file, member, type TestImage, testImage } from './testing.ts';

let dir: TempDir;
let repository: Repository;

beforeEach(async () => {
  dir = await makeTempDir('partial-test');
  repository = await initRepository(`${dir.path}/store`);
});
afterEach(async () => {
  await dir[Symbol.asyncDispose]();
});

/** Bytes that do not compress, the same every time. */
function noise(seed: string, sizeBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const FILE_BYTES = 50_000;

/** Files of which some are another version of themselves. */
function members(newer: readonly string[]): readonly TarInput[] {
  const files = NAMES.map((name) =>
    member(`usr/${name}`, { bytes: noise(newer.includes(name) ? `new ${name}` : name, FILE_BYTES) }),
  );
  return [member('usr/'), file('usr/short', 'in the image itself'), ...files];
}

/** A registry with one image, its layers zstd:chunked. It can be made to stop sending after so many bytes. */
class ChunkedSource implements ImageSource {
  readonly transport = 'registry';
  readonly name = 'registry.example/os';
  sentBytes = 0;
  limitBytes = Number.MAX_SAFE_INTEGER;
  readonly resolved: ResolvedImage;
  readonly #blobs: ReadonlyMap<string, Buffer>;

  private constructor(resolved: ResolvedImage, blobs: ReadonlyMap<string, Buffer>) {
    this.resolved = resolved;
    this.#blobs = blobs;
  }

  static async of(layers: readonly (readonly TarInput[])[]): Promise<ChunkedSource> {
    const { resolved } = await testImage(layers);
    const blobs = new Map<string, Buffer>();
    const descriptors: Descriptor[] = [];
    for (const entries of layers) {
      const layer = compressChunked(writeTar(entries), { level: 1 });
      const blob = await bytesOf(layer.stream);
      const digest = digestOf(blob);
      blobs.set(digest, blob);
      const annotations = layer.annotations() ?? {};
      descriptors.push({ mediaType: layerMediaType('zstd:chunked'), digest, size: blob.length, annotations });
    }
    const manifest = { ...resolved.manifest, layers: descriptors };
    return new ChunkedSource({ ...resolved, manifest }, blobs);
  }

  async resolve(): Promise<ResolvedImage> {
    return this.resolved;
  }

  async resolveDigest(): ReturnType<ImageSource['resolveDigest']> {
    return this.resolved.manifestDigest;
  }

  async *openBlob(descriptor: Descriptor, offsetBytes = 0): AsyncGenerator<Uint8Array> {
    yield* this.openBlobParts(descriptor, [{ startBytes: offsetBytes, endBytes: descriptor.size }]);
  }

  async *openBlobParts(descriptor: Descriptor, ranges: readonly BlobRange[]): AsyncGenerator<Uint8Array> {
    for (const { startBytes, endBytes } of ranges) {
      if (this.sentBytes + endBytes - startBytes > this.limitBytes) {
        throw new SlipwayError('OCI_UNREACHABLE', 'cannot pull: the network is gone');
      }
      this.sentBytes += endBytes - startBytes;
      yield this.#blobs.get(descriptor.digest)?.subarray(startBytes, endBytes) ?? Buffer.alloc(0);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is open between calls.
  }
}

interface Pulled {
  readonly imported: ImportedImage;
  readonly warnings: readonly string[];
}

async function pull(source: ImageSource, image: ResolvedImage): Promise<Pulled> {
  const warnings: string[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message: string) => void warnings.push(message),
    error: () => undefined,
  };
  const imported = await importImage(repository, source, image, { cacheDir: `${dir.path}/cache`, log });
  return { imported, warnings };
}

const pullTest = ({ source, resolved }: TestImage): Promise<Pulled> => pull(source, resolved);

describe('a layer fetched in parts', () => {
  test('costs its new files, and leaves the record a whole layer leaves', async () => {
    await pullTest(await testImage([members([])]));
    const source = await ChunkedSource.of([members(['b', 'g'])]);
    const { imported, warnings } = await pull(source, source.resolved);
    expect(warnings).toEqual([]);
    expect(imported.fetchedBytes).toBe(source.sentBytes);
    expect(source.sentBytes).toBeLessThan(2 * FILE_BYTES + 3000);
    expect(imported.layers[0]).toMatchObject({ newObjects: 2, entries: NAMES.length + 2 });

    const name = layerStreamName(source.resolved.config.diffIds[0] ?? '');
    const whole = await initRepository(`${dir.path}/whole`);
    const plain = await testImage([members(['b', 'g'])]);
    await importImage(whole, plain.source, plain.resolved, { cacheDir: `${dir.path}/cache` });
    expect(repository.streams.get(name)).toBe(whole.streams.get(name));
  });

  test('asks for no table of contents when the store is empty', async () => {
    const source = await ChunkedSource.of([members([])]);
    await pull(source, source.resolved);
    expect(source.sentBytes).toBe(source.resolved.manifest.layers[0]?.size);
  });

  test('does not cost again what an interrupted pull brought', async () => {
    await pullTest(await testImage([members([])]));
    const newer = NAMES.slice(0, 6);
    const source = await ChunkedSource.of([members(newer)]);
    // As far as the files go: the objects are there, and no record names them.
    for (const name of newer.slice(0, 4)) repository.objects.put(noise(`new ${name}`, FILE_BYTES));
    await repository.objects.settle();
    await pull(source, source.resolved);
    expect(source.sentBytes).toBeLessThan(2 * FILE_BYTES + 3000);
  });

  test('goes on with the blob a pull cut short left, if that costs less, and else takes it away', async () => {
    await pullTest(await testImage([members([])]));
    const source = await ChunkedSource.of([members(['e', 'f'])]);
    const [layer] = source.resolved.manifest.layers;
    if (layer === undefined) throw new Error('no layer');
    const blob = await bytesOf(source.openBlob(layer));
    const leftover = `${dir.path}/cache/${layer.digest.replace(':', '-')}.partial`;
    mkdirSync(`${dir.path}/cache`, { recursive: true });

    writeFileSync(leftover, blob.subarray(0, FILE_BYTES));
    source.sentBytes = 0;
    await pull(source, source.resolved);
    expect(source.sentBytes).toBeLessThan(2 * FILE_BYTES + 3000);
    expect(existsSync(leftover)).toBe(false);

    repository = await initRepository(`${dir.path}/another`);
    await pullTest(await testImage([members([])]));
    writeFileSync(leftover, blob.subarray(0, blob.length - FILE_BYTES));
    source.sentBytes = 0;
    await pull(source, source.resolved);
    expect(source.sentBytes).toBeLessThan(FILE_BYTES + 3000);
    expect(existsSync(leftover)).toBe(false);
  });

  test('fails when the network does, without trying the whole layer', async () => {
    await pullTest(await testImage([members([])]));
    const source = await ChunkedSource.of([members(['c', 'd'])]);
    source.limitBytes = 5000;
    await expect(pull(source, source.resolved)).rejects.toMatchObject({ code: 'OCI_UNREACHABLE' });
    source.limitBytes = Number.MAX_SAFE_INTEGER;
    expect((await pull(source, source.resolved)).warnings).toEqual([]);
  });

  test('comes whole when the index was wrong, which is then made anew', async () => {
    const old = await testImage([members([])]);
    await pullTest(old);
    const diffId = old.resolved.config.diffIds[0] ?? '';
    const sha256 = createHash('sha256').update(noise('a', FILE_BYTES)).digest();
    // Another object of the same length under the name of this content.
    const object = repository.objects.put(noise('another', FILE_BYTES)).digest;
    const wrong = { kind: 'object', sha256, object, offsetBytes: 0, sizeBytes: FILE_BYTES } as const;
    await repository.putStream(contentStreamName(diffId), recordOf(diffId, [wrong]));

    const source = await ChunkedSource.of([members(['h'])]);
    const first = await pull(source, source.resolved);
    expect(first.warnings).toHaveLength(1);
    const next = await ChunkedSource.of([members(['g', 'h'])]);
    const second = await pull(next, next.resolved);
    expect(second.warnings).toEqual([]);
    expect(next.sentBytes).toBeLessThan(FILE_BYTES + 3000);
  });

  test('finds an index kept, and collected, with its layer', async () => {
    const old = await testImage([members([])]);
    const first = await pullTest(old);
    const source = await ChunkedSource.of([members(['b'])]);
    const second = await pull(source, source.resolved);
    const names = [old.resolved, source.resolved].map(({ config }) =>
      contentStreamName(config.diffIds[0] ?? ''),
    );
    expect(repository.listStreams()).toEqual(expect.arrayContaining(names));
    await repository.gc({ keepStreams: [first.imported.stream, second.imported.stream] });
    expect(repository.listStreams()).toEqual(expect.arrayContaining(names));
    await repository.gc({ keepStreams: [second.imported.stream] });
    expect(repository.listStreams()).not.toContain(names[0]);
    expect(repository.listStreams()).toContain(names[1]);
    expect(await repository.fsck()).toEqual([]);
  });
});

describe('the record of contents', () => {
  const sha256 = createHash('sha256').update('x').digest();
  const object = Buffer.alloc(32, 7);
  const contents = [
    { kind: 'object', sha256: new Uint8Array(sha256), object, offsetBytes: 0, sizeBytes: 2 ** 40 },
    { kind: 'object', sha256: new Uint8Array(sha256), object, offsetBytes: 4096, sizeBytes: 1 },
    { kind: 'inline', sha256, bytes: Buffer.from('x') },
  ] as const;

  test('is read back, and refused as that of another layer', async () => {
    await repository.putStream('oci-content-one', recordOf('one', contents));
    const record = repository.readStream('oci-content-one');
    if (record === undefined) throw new Error('not there');
    expect([...contentsOf(record, 'one')]).toEqual(contents);
    expect(record.objects).toHaveLength(1);
    expect(() => [...contentsOf(record, 'two')]).toThrow(
      expect.objectContaining({ code: 'REPOSITORY_INVALID' }),
    );
    const other = { ...record, kind: 'oci-layer/1' };
    expect(() => [...contentsOf(other, 'one')]).toThrow(
      expect.objectContaining({ code: 'REPOSITORY_INVALID' }),
    );
  });
});

function recordOf(diffId: string, contents: readonly LocatedContent[]): StreamContent {
  const writer = new ContentRecordWriter(diffId);
  for (const content of contents) writer.add(content);
  return writer.end();
}
