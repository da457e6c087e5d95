import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { zstdCompressSync } from 'node:zlib';
import { makeTempDir, silentLog, type TempDir } from '@slipway/core';
import {
  blobPath,
  type Digest,
  digestOf,
  type LayoutReference,
  layoutSource,
  openLayoutWriter,
  type RegistryReference,
  writeTar,
} from '@slipway/oci';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { importImage } from '../import/import-image.ts';
import {
  bytesOf,
  file,
  imageOfArchives,
  link,
  member,
  type TestImage,
  testImage,
} from '../import/testing.ts';
import { initRepository } from '../repository/init.ts';
import type { Repository } from '../repository/repository.ts';
import { Random } from '../testing/random-dump.ts';
import { walkTree } from '../tree-path.ts';
import { formatDeltaManifest } from './artefact.ts';
import { type CreatedDelta, createDelta } from './create-delta.ts';
import { type DeltaHead, encodeHead, SECTIONS, type SectionName } from './format.ts';
import { matchFiles } from './match.ts';
import { readOldFiles } from './old-files.ts';
import { pushDelta } from './push-delta.ts';
import { openLayerDelta, readLayerDelta } from './reader.ts';

let dir: TempDir;
let repository: Repository;
let outputs = 0;

beforeEach(async () => {
  dir = await makeTempDir('delta-test');
  repository = await initRepository(`${dir.path}/store`);
});
afterEach(async () => {
  await dir[Symbol.asyncDispose]();
});

function side({ source, resolved }: TestImage): Parameters<typeof createDelta>[1] {
  return { source, image: resolved };
}

async function deltaOf(old: TestImage, fresh: TestImage, store = repository): Promise<CreatedDelta> {
  outputs += 1;
  const outputDir = `${dir.path}/delta-${outputs}`;
  await mkdir(outputDir);
  return await createDelta(store, side(old), side(fresh), { cacheDir: `${dir.path}/cache`, outputDir });
}

/** A program of so many bytes: random words, most of them seen before. */
function program(seed: number, words: number): Buffer {
  const random = new Random(seed);
  const known = Array.from({ length: 500 }, () => random.hex(16));
  return Buffer.from(Array.from({ length: words }, () => known[random.below(500)]).join(''), 'hex');
}

/** The same, compiled again: something in the middle, and every 64th word is one more. */
function rebuilt(bytes: Buffer): Buffer {
  const half = bytes.length >> 1;
  const changed = Buffer.concat([
    bytes.subarray(0, half),
    Buffer.from('something new'),
    bytes.subarray(half),
  ]);
  for (let at = 0; at < changed.length; at += 256) changed[at] = (changed[at] ?? 0) + 1;
  return changed;
}

async function applied(delta: CreatedDelta, store = repository): Promise<Buffer[]> {
  const archives: Buffer[] = [];
  for (const { path, sizeBytes } of delta.layers) {
    const layer = readLayerDelta(path, sizeBytes);
    const old = readOldFiles(store, layer.head.oldLayers);
    archives.push(await bytesOf(openLayerDelta(store, layer, old)));
  }
  return archives;
}

const OLD_PROGRAM = program(1, 4000);

async function pair(): Promise<{ readonly old: TestImage; readonly fresh: TestImage }> {
  const shared = [member('usr/'), file('usr/base', 'what both have')];
  const tool = OLD_PROGRAM;
  const old = await testImage([
    shared,
    [
      member('usr/lib/'),
      member('usr/lib/libtool.so.1.2', { bytes: tool, mode: 0o755 }),
      member('usr/lib/kept', { bytes: program(2, 3000) }),
      file('usr/short', 'v1'),
      link('usr/lib/libtool.so', 'libtool.so.1.2'),
    ],
  ]);
  const fresh = await testImage([
    shared,
    [
      member('usr/lib/', { mtimeSec: 1_700_000_001 }),
      member('usr/lib/libtool.so.1.3', { bytes: rebuilt(tool), mode: 0o755 }),
      member('usr/lib/kept', { bytes: program(2, 3000), xattrs: new Map([['user.x', Buffer.from('1')]]) }),
      member('usr/lib/moved', { bytes: program(2, 3000), mtimeNsec: 7 }),
      file('usr/short', 'v2'),
      member('usr/new', { bytes: Buffer.from(randomBytes(2000).toString('hex')) }),
      link('usr/lib/libtool.so', 'libtool.so.1.3'),
      link('usr/second', 'usr/lib/kept', 'hardlink'),
      member('.wh.gone'),
    ],
  ]);
  return { old, fresh };
}

describe('a delta', () => {
  test('makes the archive again, byte for byte, and is much shorter', async () => {
    const { old, fresh } = await pair();
    const delta = await deltaOf(old, fresh);

    const [archive = Buffer.alloc(0)] = await applied(delta);
    expect(delta.layers.map(({ diffId }) => diffId)).toEqual([fresh.resolved.config.diffIds[1]]);
    expect(delta.layers[0]?.counts).toMatchObject({
      copied: { files: 2 },
      patched: { files: 1 },
      fresh: { files: 2 },
    });
    expect(archive).toHaveLength(fresh.resolved.manifest.layers[1]?.size ?? 0);
    expect(delta.sizeBytes).toBeLessThan(5000);
  });

  test('is the same whenever it is made', async () => {
    const { old, fresh } = await pair();
    const first = await deltaOf(old, fresh);
    const other = await initRepository(`${dir.path}/other`, { algorithm: 'sha512' });
    const second = await deltaOf(old, fresh, other);

    expect(second.manifest).toEqual(first.manifest);
    expect(await applied(second, repository)).toEqual(await applied(first, other));
  });

  test('is refused where the old image is not there', async () => {
    const { old, fresh } = await pair();
    const delta = await deltaOf(old, fresh);
    const empty = await initRepository(`${dir.path}/empty`);
    await expect(applied(delta, empty)).rejects.toMatchObject({ code: 'DELTA_BASE_MISSING' });
  });

  test('is not made between images with the same layers', async () => {
    const { old } = await pair();
    await expect(deltaOf(old, old)).rejects.toMatchObject({ code: 'DELTA_POINTLESS' });
  });

  test('takes archives as they come', async () => {
    const old = await testImage([[member('a', { bytes: OLD_PROGRAM })]]);
    const plain = await bytesOf(writeTar([member('b1', { bytes: rebuilt(OLD_PROGRAM) })]));
    const unlike = [
      Buffer.concat([plain, Buffer.alloc(10_240)]),
      plain.subarray(0, -512),
      Buffer.concat([plain, Buffer.from('what stands after the end')]),
    ];
    for (const archive of unlike) {
      const fresh = imageOfArchives([archive]);
      const [made] = await applied(await deltaOf(old, fresh));
      expect(made?.equals(archive)).toBe(true);
    }
  });

  test('that is damaged anywhere makes nothing', async () => {
    const { old, fresh } = await pair();
    const { layers } = await deltaOf(old, fresh);
    const [layer] = layers;
    if (layer === undefined) throw new Error('no layer');
    const bytes = await readFile(layer.path);
    const old1 = readOldFiles(repository, readLayerDelta(layer.path, bytes.length).head.oldLayers);
    const path = `${dir.path}/damaged`;
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        await writeFile(path, damaged);
        const outcome = await tryToApply(path, damaged.length, old1);
        if (outcome === 'refused') refusals += 1;
        // A bit may mean nothing; then what comes out is right.
        expect(['refused', 'right']).toContain(outcome);
      }),
      { numRuns: 80 },
    );
    expect(refusals).toBeGreaterThan(60);
  });
});

describe('a hostile delta', () => {
  test('reads nothing beyond old files, makes no more than it says, and ends', async () => {
    const { old, fresh } = await pair();
    const [layer] = (await deltaOf(old, fresh)).layers;
    if (layer === undefined) throw new Error('no layer');
    const { head } = readLayerDelta(layer.path, layer.sizeBytes);
    const files = readOldFiles(repository, head.oldLayers);
    const path = `${dir.path}/hostile`;
    const small = fc.oneof({ weight: 4, arbitrary: fc.nat(7) }, fc.nat(255));
    const column = fc.array(small, { maxLength: 30 });
    const columns = fc.tuple(column, column, column, column, column, column, column);
    await fc.assert(
      fc.asyncProperty(columns, fc.uint8Array({ maxLength: 400 }), async (parts, noise) => {
        const control = Buffer.concat(parts.map((part) => Buffer.from([part.length, ...part])));
        const raw = { control, skeleton: noise, diff: noise, extra: noise };
        const bytes = packed({ ...head, archiveBytes: 100_000 }, raw, files.dictionary);
        await writeFile(path, bytes);
        expect(await tryToApply(path, bytes.length, files)).toBe('refused');
      }),
      { numRuns: 80 },
    );
  });
});

/** A delta with sections of one's own. */
function packed(
  head: DeltaHead,
  raw: Readonly<Record<SectionName, Uint8Array>>,
  dictionary: Buffer | undefined,
): Buffer {
  const stored = SECTIONS.map((name) => {
    const options = name === 'skeleton' && dictionary !== undefined ? { dictionary } : {};
    return {
      name,
      rawBytes: raw[name].length,
      bytes: raw[name].length === 0 ? Buffer.alloc(0) : zstdCompressSync(raw[name], options),
    };
  });
  const sizes = stored.map(({ name, bytes, rawBytes }) => [name, { storedBytes: bytes.length, rawBytes }]);
  const sections = Object.fromEntries(sizes) as DeltaHead['sections'];
  return Buffer.concat([encodeHead({ ...head, sections }), ...stored.map(({ bytes }) => bytes)]);
}

async function tryToApply(
  path: string,
  sizeBytes: number,
  old: ReturnType<typeof readOldFiles>,
): Promise<string> {
  try {
    await bytesOf(openLayerDelta(repository, readLayerDelta(path, sizeBytes), old));
    return 'right';
  } catch (thrown) {
    const code = (thrown as { readonly code?: string }).code ?? '';
    const expected = ['DELTA_INVALID', 'OCI_DIGEST_MISMATCH', 'DELTA_BASE_MISSING', 'OCI_DIGEST_INVALID'];
    return expected.includes(code) ? 'refused' : String(thrown);
  }
}

describe('matchFiles', () => {
  test('gives steps that make the new file', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { maxLength: 300 }),
        fc.array(edit(), { maxLength: 8 }),
        (base, edits) => {
          const old = Buffer.from(base);
          const fresh = edits.reduce<Buffer>(
            (bytes, [at, cut, insert]) =>
              Buffer.concat([bytes.subarray(0, at), Buffer.from(insert), bytes.subarray(at + cut)]),
            Buffer.from(old),
          );
          const made: number[] = [];
          for (const { oldAt, newAt, addBytes, extraBytes } of matchFiles(old, fresh)) {
            expect(newAt).toBe(made.length);
            expect(oldAt >= 0 && oldAt + addBytes <= old.length).toBe(true);
            made.push(...fresh.subarray(newAt, newAt + addBytes + extraBytes));
          }
          expect(Buffer.from(made).equals(fresh)).toBe(true);
        },
      ),
    );
  });
});

function edit(): fc.Arbitrary<[number, number, number[]]> {
  return fc.tuple(fc.nat(300), fc.nat(40), fc.array(fc.nat(3), { maxLength: 40 }));
}

describe('importImage', () => {
  async function published(image: TestImage, tag: string): Promise<LayoutReference> {
    await using layout = await openLayoutWriter(`${dir.path}/layout`);
    const { manifest, manifestBytes, configBytes } = image.resolved;
    for (const layer of manifest.layers) await layout.putBlob(layer, () => image.source.openBlob(layer));
    await layout.writeBlob(Readable.from([configBytes]) as AsyncIterable<Buffer>);
    await layout.putManifest(manifestBytes, manifest.mediaType, tag);
    return { kind: 'oci', path: `${dir.path}/layout`, tag, digest: undefined };
  }

  async function pull(store: Repository, reference: LayoutReference): ReturnType<typeof importImage> {
    await using source = layoutSource(reference);
    const cacheDir = `${dir.path}/cache`;
    return await importImage(store, source, await source.resolve('amd64'), {
      cacheDir,
      deltasBeside: reference,
    });
  }

  async function twoHosts(push: typeof pushDelta = pushDelta): Promise<{
    readonly host: Repository;
    readonly other: Repository;
    readonly reference: LayoutReference;
    readonly delta: CreatedDelta;
  }> {
    const { old, fresh } = await pair();
    const oldReference = await published(old, 'old');
    const reference = await published(fresh, 'new');
    const delta = await deltaOf(old, fresh);
    await push(delta, reference);
    const host = await initRepository(`${dir.path}/host`);
    await pull(host, oldReference);
    return { host, other: await initRepository(`${dir.path}/other-host`), reference, delta };
  }

  test('takes the delta, and has in the end what it would have had', async () => {
    const { host, other, reference, delta } = await twoHosts();
    const byDelta = await pull(host, reference);
    const whole = await pull(other, reference);

    expect(byDelta.fetchedBytes).toBe(delta.sizeBytes);
    expect(whole.fetchedBytes).toBeGreaterThan(10 * delta.sizeBytes);
    expect([...walkTree(byDelta.tree)]).toEqual([...walkTree(whole.tree)]);
    for (const name of other.listStreams().filter((stream) => stream.startsWith('oci-'))) {
      expect(host.streams.get(name)).toBe(other.streams.get(name));
    }
    expect(await host.fsck()).toEqual([]);
  });

  test('fetches the layer where the delta is damaged', async () => {
    const { host, reference, delta } = await twoHosts();
    const [layer] = delta.layers;
    const path = blobPath(`${dir.path}/layout`, layer?.digest ?? ('' as Digest));
    const bytes = await readFile(path);
    bytes[bytes.length - 10] = (bytes[bytes.length - 10] ?? 0) ^ 1;
    await writeFile(path, bytes);

    const { layers } = await pull(host, reference);
    expect(layers.map(({ reused }) => reused)).toEqual([true, false]);
    expect(await host.fsck()).toEqual([]);
  });

  test('fetches the layer where the delta makes another', async () => {
    const { host, other, reference } = await twoHosts(forge);
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
    await using source = layoutSource(reference);
    const options = { cacheDir: `${dir.path}/cache`, deltasBeside: reference, log };
    const { tree } = await importImage(host, source, await source.resolve('amd64'), options);

    expect([...walkTree(tree)]).toEqual([...walkTree((await pull(other, reference)).tree)]);
    expect(warnings).toEqual(['a layer cannot be made of its delta and is fetched without it']);
  });

  /** Publishes, in the place of a delta, one that makes a layer with something else in it and claims to be the right one. */
  async function forge(delta: CreatedDelta, reference: LayoutReference | RegistryReference): Promise<Digest> {
    const { old, fresh } = await pair();
    const base = [member('usr/'), file('usr/base', 'what both have')];
    const evil = await testImage([base, [member('usr/evil', { bytes: rebuilt(OLD_PROGRAM) })]]);
    const [lie] = (await deltaOf(old, evil)).layers;
    const [{ diffId } = { diffId: undefined }] = delta.layers;
    if (lie === undefined || diffId === undefined) throw new Error('no layer');
    const { head, sections } = readLayerDelta(lie.path, lie.sizeBytes);
    const body = (await readFile(lie.path)).subarray(sections.control.atBytes);
    const bytes = Buffer.concat([encodeHead({ ...head, diffId }), body]);
    await writeFile(lie.path, bytes);
    const layer = { ...lie, diffId, digest: digestOf(bytes), sizeBytes: bytes.length };
    const subject = { ...fresh.resolved, manifestDigest: delta.manifest.subject };
    const manifest = formatDeltaManifest(old.resolved, subject, [layer]);
    return await pushDelta({ ...delta, layers: [layer], manifest }, reference);
  }
});
