import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isSlipwayError, makeTempDir, type TempDir } from '@slipway/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeErofs } from '../erofs/writer.ts';
import type { DirectoryNode, Metadata } from '../tree.ts';
import { imageId, measureBytes } from '../verity/measure.ts';
import { checkRepositoryMeta } from './check-meta.ts';
import { initRepository } from './init.ts';
import { lockHolder } from './lock.ts';
import { formatMeta, parseMeta } from './meta.ts';
import { openRepository, type Repository } from './repository.ts';
import { writeDocumentStream } from './splitstream-writer.ts';
import { StoredObjects } from './stored-objects.ts';
import { compressChunk, type StreamContent } from './stream-record.ts';

let dir: TempDir;
let path: string;
let repository: Repository;

beforeEach(async () => {
  dir = await makeTempDir('repository-test');
  path = join(dir.path, 'store');
  repository = await initRepository(path);
});
afterEach(async () => {
  await dir[Symbol.asyncDispose]();
});

const meta: Metadata = { mode: 0o755, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0, xattrs: new Map() };

/** An image of one file whose body is this object. */
function imageOf(digest: string, sizeBytes: number): Buffer {
  const content = { kind: 'object', sizeBytes, digest: Buffer.from(digest, 'hex') } as const;
  const tree: DirectoryNode = {
    kind: 'directory',
    meta,
    entries: new Map([['f', { kind: 'regular', meta, content }]]),
  };
  return writeErofs(tree);
}

function record(objects: readonly string[], streams: readonly string[] = []): StreamContent {
  const digests = objects.map((digest) => Buffer.from(digest, 'hex'));
  return { kind: 'test/1', objects: digests, streams, chunks: [compressChunk(Buffer.from('payload'))] };
}

test('the objects of a moment are known, and those nothing names', async () => {
  const put = async (text: string): Promise<Buffer> =>
    Buffer.from((await repository.putObject(Buffer.from(text))).digest, 'hex');
  const [named, unnamed] = [await put('named'), await put('unnamed')];
  const objects = new StoredObjects(repository);
  const later = await put('later');
  objects.name(named);
  objects.name(later);
  expect(objects.hasAll([named, unnamed])).toBe(true);
  expect(objects.hasAll([named, later])).toBe(false);
  expect([...objects.unnamed()]).toEqual([unnamed]);
});

async function codeOf(step: () => unknown): Promise<string> {
  try {
    await step();
  } catch (thrown) {
    if (isSlipwayError(thrown)) return thrown.code;
    throw thrown;
  }
  return 'nothing thrown';
}

async function* pieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Replaces an object as a failing disk would, whatever its mode. */
function damage(digest: string, bytes: Uint8Array): void {
  rmSync(repository.objectPath(digest));
  writeFileSync(repository.objectPath(digest), bytes);
}

describe('a repository', () => {
  test('is made once and opened by whoever comes next', async () => {
    const again = await initRepository(path);
    expect(again.algorithm).toBe('sha256');
    expect((await openRepository(path)).verity).toBe('try');
    expect(await codeOf(() => initRepository(path, { algorithm: 'sha512' }))).toBe('REPOSITORY_INVALID');
    expect(JSON.parse(readFileSync(join(path, 'meta.json'), 'utf8'))).toMatchObject({
      version: 1,
      algorithm: 'fsverity-sha256-12',
    });
    expect(again.metaJson()).toBe(readFileSync(join(path, 'meta.json'), 'utf8'));
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  test('is made by many at once', async () => {
    const other = join(dir.path, 'other');
    const made = await Promise.all(
      Array.from({ length: 8 }, () => initRepository(other, { algorithm: 'sha512' })),
    );
    expect(made.map(({ algorithm }) => algorithm)).toEqual(Array.from({ length: 8 }, () => 'sha512'));
  });

  test('is completed when its making was cut short', async () => {
    rmSync(join(path, 'meta.json'));
    rmSync(join(path, 'streams'), { recursive: true });
    expect(await codeOf(() => openRepository(path))).toBe('REPOSITORY_INVALID');
    await initRepository(path);
    expect(readdirSync(path).sort()).toEqual(['images', 'meta.json', 'objects', 'streams']);
  });

  test('is not found where there is none', async () => {
    expect(await codeOf(() => openRepository(join(dir.path, 'nothing')))).toBe('REPOSITORY_INVALID');
    expect(await codeOf(() => openRepository(join(path, 'meta.json')))).toBe('REPOSITORY_INVALID');
  });
});

describe('objects', () => {
  const sizes = [0, 1, 4095, 4096, 4097, 100_000, 1_048_576, 1_048_577, 2_500_000];

  test.each(sizes)('of %i bytes are found by their fs-verity digest, whole or streamed', async (size) => {
    const bytes = randomBytes(size);
    const expected = measureBytes(bytes, 'sha256').toString('hex');
    const streamed = await repository.putObject(pieces(bytes, 60_000));
    const whole = await repository.putObject(bytes);

    expect(streamed).toEqual({ digest: expected, sizeBytes: size, existed: false });
    expect(whole).toEqual({ digest: expected, sizeBytes: size, existed: true });
    expect(repository.objectPath(expected)).toBe(
      join(path, 'objects', expected.slice(0, 2), expected.slice(2)),
    );
    expect((await bytesOf(repository.openObject(expected))).equals(bytes)).toBe(true);
    expect(statSync(repository.objectPath(expected)).mode & 0o777).toBe(0o644);
  });

  test('leave nothing when their stream fails', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(3_000_000);
      throw new Error('the stream broke');
    }
    await expect(repository.putObject(failing())).rejects.toThrow('the stream broke');
    expect(repository.statistics().objects).toBe(0);
    expect(existsSync(join(path, 'tmp')) ? readdirSync(join(path, 'tmp')) : []).toEqual([]);
  });

  test('of sha512 repositories have longer names', async () => {
    const other = await initRepository(join(dir.path, 'other'), { algorithm: 'sha512', verity: 'none' });
    const { digest } = await other.putObject(Buffer.from('hello'));
    expect(digest).toHaveLength(128);
    expect(other.hasObject(digest)).toBe(true);
    expect(other.sealing).toBe('off');
  });

  test('cut short by a power cut make way', async () => {
    const bytes = randomBytes(10_000);
    const { digest } = await repository.putObject(bytes);
    damage(digest, bytes.subarray(0, 4096));
    expect(await repository.putObject(bytes)).toMatchObject({ existed: false });
    expect((await bytesOf(repository.openObject(digest))).equals(bytes)).toBe(true);
  });

  test('are checked when they are read', async () => {
    const { digest } = await repository.putObject(randomBytes(10_000));
    damage(digest, randomBytes(10_000));
    expect(await codeOf(() => bytesOf(repository.openObject(digest)))).toBe('OBJECT_CORRUPT');
    rmSync(repository.objectPath(digest));
    expect(await codeOf(() => bytesOf(repository.openObject(digest)))).toBe('OBJECT_MISSING');
    expect(await codeOf(() => bytesOf(repository.openObject('../../etc/passwd')))).toBe('OBJECT_MISSING');
  });
});

describe('images and streams', () => {
  test('an image is an object with a link', async () => {
    const { digest } = await repository.putObject(randomBytes(100));
    const image = imageOf(digest, 100);
    const id = await repository.putImage(image);

    expect(id).toBe(measureBytes(image, 'sha256').toString('hex'));
    expect(repository.listImages()).toEqual([id]);
    expect(repository.readImage(id).equals(image)).toBe(true);
    expect(readFileSync(join(path, 'images', id)).equals(image)).toBe(true);
    expect(repository.imagePath(id)).toBe(repository.objectPath(id));
  });

  test('an object is no image', async () => {
    const { digest } = await repository.putObject(randomBytes(100));
    expect(await codeOf(() => repository.readImage(digest))).toBe('OBJECT_MISSING');
    expect(repository.hasImage('nonsense')).toBe(false);
    expect(repository.removeImage(digest)).toBe(false);
  });

  test('a link somewhere else is no image and no stream', async () => {
    const id = 'ab'.repeat(32);
    symlinkSync('/etc/passwd', join(path, 'images', id));
    symlinkSync('../../etc/passwd', join(path, 'streams', 'x'));
    expect(repository.hasImage(id)).toBe(false);
    expect(repository.readStream('x')).toBeUndefined();
  });

  test('a stream is replaced as a whole', async () => {
    const { digest } = await repository.putObject(randomBytes(100));
    await repository.putStream('name', record([]));
    await repository.putStream('name', record([digest], ['other']));
    const read = repository.readStream('name');
    expect(Array.from(read?.objects ?? [], (raw) => Buffer.from(raw).toString('hex'))).toEqual([digest]);
    expect(read?.streams).toEqual(['other']);
    expect(Buffer.concat([...(read?.payload() ?? [])]).toString()).toBe('payload');
    expect(repository.listStreams()).toEqual(['name']);
    expect(repository.removeStream('name')).toBe(true);
    expect(repository.readStream('name')).toBeUndefined();
  });

  test.each(['', '.', '..', 'a/b', '.hidden', 'a\nb', 'a'.repeat(256)])(
    'a stream is not called %j',
    async (name) => {
      expect(await codeOf(() => repository.putStream(name, record([])))).toBe('REPOSITORY_INVALID');
    },
  );
});

describe('garbage collection', () => {
  /** Two images and two streams with an object each, one shared by all, one object nobody needs, one leftover. */
  async function fill(): Promise<
    Record<'shared' | 'a' | 'b' | 's' | 't' | 'lost' | 'imageA' | 'imageB', string>
  > {
    const put = async (): Promise<string> => (await repository.putObject(randomBytes(100))).digest;
    const [shared, a, b, s, t, lost] = [
      await put(),
      await put(),
      await put(),
      await put(),
      await put(),
      await put(),
    ];
    const imageA = await repository.putImage(imageOf(a, 100));
    const imageB = await repository.putImage(imageOf(b, 100));
    await repository.putStream('s', record([s, shared], ['t', 'gone']));
    await repository.putStream('t', record([t, shared]));
    mkdirSync(join(path, 'tmp'), { recursive: true });
    writeFileSync(join(path, 'tmp', '1-leftover'), 'x');
    return { shared, a, b, s, t, lost, imageA, imageB };
  }

  function present(names: Record<string, string>): readonly string[] {
    return Object.keys(names).filter((name) => repository.hasObject(names[name] ?? ''));
  }

  test('removes what nobody needs', async () => {
    const names = await fill();
    const report = await repository.gc();
    expect(report).toMatchObject({ removedObjects: 1, removedImages: [], removedStreams: [] });
    expect(report.freedBytes).toBeGreaterThan(0);
    expect(present(names)).toEqual(['shared', 'a', 'b', 's', 't', 'imageA', 'imageB']);
    expect(readdirSync(join(path, 'tmp'))).toEqual([]);
    expect(await repository.fsck()).toEqual([]);
  });

  test('keeps what it is told, and what that names', async () => {
    const names = await fill();
    const report = await repository.gc({ keepImages: [names.imageB], keepStreams: ['s'] });
    expect(report).toMatchObject({ removedObjects: 3, removedImages: [names.imageA], removedStreams: [] });
    expect(present(names)).toEqual(['shared', 'b', 's', 't', 'imageB']);

    await repository.gc({ keepImages: [], keepStreams: ['t'] });
    expect(present(names)).toEqual(['shared', 't']);
    expect(repository.listImages()).toEqual([]);
    expect(repository.listStreams()).toEqual(['t']);
  });

  test('says the same when it only looks', async () => {
    const names = await fill();
    const before = present(names);
    const looked = await repository.gc({ keepImages: [], keepStreams: [], dryRun: true });
    expect(present(names)).toEqual(before);
    expect(repository.listImages()).toHaveLength(2);
    expect(await repository.gc({ keepImages: [], keepStreams: [] })).toEqual(looked);
    expect(repository.statistics()).toMatchObject({ objects: 0, images: 0, streams: 0, objectBytes: 0 });
  });

  test('removes nothing while something kept cannot be read', async () => {
    const names = await fill();
    damage(names.imageA, Buffer.from('not an image'));
    expect(await codeOf(() => repository.gc())).toBe('OBJECT_CORRUPT');
    expect(repository.hasObject(names.lost)).toBe(true);

    await repository.gc({ keepImages: [names.imageB] });
    expect(repository.hasObject(names.lost)).toBe(false);
  });

  test('leaves the streams of other programs alone, or removes them when told', async () => {
    const foreign = await repository.putObject(Buffer.from('SplitStream\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'));
    repository.streams.set('oci-layer-foreign', foreign.digest);
    expect(await codeOf(() => repository.gc())).toBe('REPOSITORY_INVALID');
    expect((await repository.gc({ keepStreams: [] })).removedStreams).toEqual(['oci-layer-foreign']);
  });

  test('follows streams of composefs-rs to everything they stand on, and what somebody named stays', async () => {
    const put = async (bytes: Uint8Array): Promise<string> => (await repository.putObject(bytes)).digest;
    const document = async (
      contentType: 'ocimanif' | 'ociconfg',
      named: readonly (readonly [string, string])[],
    ): Promise<string> => {
      const object = await put(randomBytes(50));
      const stream = { contentType, object, sizeBytes: 50, named: new Map(named) } as const;
      return await put(writeDocumentStream(stream));
    };
    const foreign = await put(randomBytes(300));
    repository.images.set(foreign, foreign);
    const layer = await document('ociconfg', []);
    const gone = 'ab'.repeat(32);
    const config = await document('ociconfg', [
      ['sha256:layer', layer],
      ['sha256:gone', gone],
      ['composefs.image', foreign],
    ]);
    const manifest = await document('ocimanif', [['config:sha256:x', config]]);
    for (const [name, digest] of [
      ['oci-layer-x', layer],
      ['oci-config-x', config],
      ['oci-manifest-x', manifest],
    ] as const)
      repository.streams.set(name, digest);
    const lost = await put(randomBytes(60));
    const all = new Set(repository.reachable({ images: [], streams: ['oci-manifest-x'] }).objects);
    expect(all.size).toBe(8);

    expect(await repository.gc({ keepImages: [], keepStreams: ['oci-manifest-x'] })).toMatchObject({
      removedImages: [],
      removedStreams: [],
      removedObjects: 1,
    });
    expect(repository.hasObject(lost)).toBe(false);
    repository.streamRefs.set('oci/localhost%2Fbootc-sha256:x', 'oci-manifest-x');
    expect(await repository.gc({ keepImages: [], keepStreams: [] })).toMatchObject({ removedObjects: 0 });
    expect(await repository.fsck()).toEqual([]);
    expect(repository.readDocument('oci-config-x', 100)).toHaveLength(50);
    expect(repository.streamRefs.remove('oci/localhost%2Fbootc-sha256:x')).toBe(true);
    expect(await repository.gc({ keepImages: [], keepStreams: [] })).toMatchObject({ removedObjects: 7 });
    expect(repository.listStreams()).toEqual([]);
  });

  test('of a stream of composefs-rs that cannot be read removes nothing', async () => {
    const { digest } = await repository.putObject(Buffer.from('SplitStream'.padEnd(64, '\u0001')));
    repository.streams.set('oci-layer-x', digest);
    repository.streamRefs.set('oci/x', 'oci-layer-x');
    expect(await codeOf(() => repository.gc({ keepImages: [], keepStreams: [] }))).toBe('REPOSITORY_INVALID');
    const findings = await repository.fsck({ repair: true });
    expect(findings).toMatchObject([{ kind: 'stream-unreadable', name: 'oci-layer-x', repaired: false }]);
  });

  test('waits for those who use the store, and says who they are', async () => {
    using _lock = await repository.lock('shared');
    const failure = await repository.gc().catch((thrown: unknown) => thrown);
    expect(isSlipwayError(failure, 'REPOSITORY_LOCKED') && failure.details).toMatchObject({
      holderPid: process.pid,
    });
    expect(await codeOf(() => repository.gc({ dryRun: true }))).toBe('nothing thrown');
  });

  test('keeps users out while it runs', async () => {
    const exclusive = await repository.lock('exclusive');
    const waiting = repository.lock('shared');
    expect(await codeOf(() => repository.lock('shared', { waitMs: 0 }))).toBe('REPOSITORY_LOCKED');
    exclusive[Symbol.dispose]();
    using shared = await waiting;
    expect(shared.mode).toBe('shared');
  });

  test('a wait for the lock can be cancelled', async () => {
    using _lock = await repository.lock('exclusive');
    const abort = new AbortController();
    const waiting = codeOf(() => repository.lock('shared', { signal: abort.signal }));
    abort.abort();
    expect(await waiting).toBe('ABORTED');
  });
});

describe('references', () => {
  test('are found in every directory, moved and taken away', () => {
    const { streamRefs } = repository;
    expect(streamRefs.list()).toEqual([]);
    streamRefs.set('oci/b', 'oci-manifest-1');
    streamRefs.set('a', 'x');
    streamRefs.set('oci/b', 'oci-manifest-2');
    expect(readlinkSync(join(path, 'streams/refs/oci/b'))).toBe('../../oci-manifest-2');
    expect(readlinkSync(join(path, 'streams/refs/a'))).toBe('../x');
    writeFileSync(join(path, 'streams/refs/file'), '');
    expect(streamRefs.list()).toEqual([
      { name: 'a', target: 'x' },
      { name: 'oci/b', target: 'oci-manifest-2' },
    ]);
    expect([streamRefs.remove('a'), streamRefs.remove('a')]).toEqual([true, false]);
    expect(repository.listStreams()).toEqual([]);
  });

  test.each(['', '..', 'a/../b', '/a', 'a//b', 'x'.repeat(300)])('are not called %j', async (name) => {
    expect(await codeOf(() => repository.streamRefs.set(name, 'x'))).toBe('REPOSITORY_INVALID');
  });
});

describe('copies', () => {
  test.each(['sha256', 'sha512'] as const)(
    'of files and of objects of another store, %s',
    async (algorithm) => {
      const [one, two] = await Promise.all([
        initRepository(join(path, 'one'), { algorithm }),
        initRepository(join(path, 'two'), { algorithm }),
      ]);
      const bytes = randomBytes(300_000);
      writeFileSync(join(path, 'file'), bytes, { mode: 0o600 });
      const { digest, existed } = await one.putFile(join(path, 'file'));
      expect([digest, existed]).toEqual([imageId(bytes, algorithm), false]);
      expect((await one.putFile(join(path, 'file'))).existed).toBe(true);
      expect(statSync(one.objectPath(digest)).mode & 0o777).toBe(0o644);

      expect(await two.copyObjects(one, [digest])).toBe(1);
      expect(await two.copyObjects(one, [digest])).toBe(0);
      expect(readFileSync(two.objectPath(digest)).equals(bytes)).toBe(true);
      expect(await two.fsck()).toEqual([]);
    },
  );

  test('of an object that is missing or corrupt are refused', async () => {
    const other = await initRepository(join(path, 'other'));
    const { digest } = await repository.putObject(randomBytes(5000));
    expect(await codeOf(() => other.copyObjects(repository, ['ab'.repeat(32)]))).toBe('OBJECT_MISSING');
    damage(digest, randomBytes(5000));
    expect(await codeOf(() => other.copyObjects(repository, [digest]))).toBe('OBJECT_CORRUPT');
    expect(other.hasObject(digest)).toBe(false);
  });
});

describe('fsck', () => {
  async function fill(): Promise<{ file: string; image: string }> {
    const bytes = randomBytes(10_000);
    const { digest } = await repository.putObject(bytes);
    const image = await repository.putImage(imageOf(digest, bytes.length));
    await repository.putStream('s', record([digest]));
    return { file: digest, image };
  }

  async function kinds(repair = false): Promise<readonly (readonly [string, boolean])[]> {
    return (await repository.fsck({ repair })).map(({ kind, repaired }) => [kind, repaired] as const);
  }

  test('finds nothing wrong with a good store', async () => {
    await fill();
    expect(await kinds()).toEqual([]);
  });

  test('finds and removes a corrupt object, and what it leaves incomplete', async () => {
    const { file } = await fill();
    damage(file, randomBytes(10_000));
    expect(await kinds()).toEqual([['object-corrupt', false]]);
    expect(await kinds(true)).toEqual([
      ['object-corrupt', true],
      ['image-incomplete', false],
      ['stream-incomplete', true],
    ]);
    expect(await kinds()).toEqual([['image-incomplete', false]]);
  });

  test('finds an object cut short', async () => {
    const { file } = await fill();
    chmodSync(repository.objectPath(file), 0o644);
    truncateSync(repository.objectPath(file), 4096);
    expect(await kinds()).toEqual([['object-corrupt', false]]);
  });

  test('finds a corrupt image and a corrupt record', async () => {
    const { image } = await fill();
    damage(image, Buffer.from('x'));
    damage(repository.streams.get('s') ?? '', Buffer.from('y'));
    expect(await kinds(true)).toEqual([
      ['object-corrupt', true],
      ['object-corrupt', true],
      ['image-unreadable', true],
      ['stream-unreadable', true],
    ]);
    expect(await kinds()).toEqual([]);
  });

  test('gets from elsewhere what is missing or corrupt, and believes no wrong bytes', async () => {
    const { file, image } = await fill();
    const elsewhere = new Map(
      [file, image].map((digest) => [digest, readFileSync(repository.objectPath(digest))] as const),
    );
    damage(file, randomBytes(10_000));
    damage(image, Buffer.from('x'));
    const repair = async (get: (digest: string) => Buffer | undefined): Promise<readonly unknown[]> => {
      const refetch = async (digest: string): Promise<AsyncIterable<Uint8Array> | undefined> => {
        const bytes = get(digest);
        return bytes === undefined ? undefined : chunked(bytes);
      };
      return (await repository.fsck({ repair: true, refetch })).map(({ kind, repaired }) => [kind, repaired]);
    };
    async function* chunked(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
      yield bytes;
    }
    expect(await repair((digest) => elsewhere.get(digest))).toEqual([
      ['object-corrupt', true],
      ['object-corrupt', true],
      ['image-incomplete', true],
    ]);
    expect(await kinds()).toEqual([]);

    damage(file, randomBytes(10_000));
    expect(
      await repair(() => Buffer.from('something else, longer than what is kept inline in an image')),
    ).toEqual([
      ['object-corrupt', true],
      ['image-incomplete', false],
      ['stream-incomplete', true],
    ]);
  });

  test('finds what is no object, and what killed processes left', async () => {
    await fill();
    writeFileSync(join(path, 'objects', 'stray'), '');
    mkdirSync(join(path, 'objects', 'zz'));
    mkdirSync(join(path, 'tmp'), { recursive: true });
    writeFileSync(join(path, 'tmp', 'left'), '');
    expect(await kinds(true)).toEqual([
      ['object-misnamed', false],
      ['object-misnamed', false],
      ['leftover', true],
    ]);
  });
});

describe('meta.json', () => {
  test.each(['require', 'try', 'none', undefined] as const)('keeps the policy %s', (verity) => {
    const text = formatMeta({ algorithm: 'sha512', verity });
    expect(parseMeta(text, 'x')).toEqual({ algorithm: 'sha512', verity });
  });

  test('of composefs-rs is understood', () => {
    const text =
      '{"version":1,"algorithm":"fsverity-sha512-12","features":{"read-only-compatible":["v1_erofs"]}}';
    expect(parseMeta(text, 'x')).toEqual({ algorithm: 'sha512', verity: undefined });
  });

  test.each([
    '',
    'null',
    '[]',
    '{"version":2,"algorithm":"fsverity-sha256-12"}',
    '{"version":1,"algorithm":"fsverity-md5-12"}',
    '{"version":1,"algorithm":"fsverity-sha256-12","features":{"incompatible":["new"]}}',
    '{"version":1,"algorithm":"fsverity-sha256-12","features":{"read-only-compatible":["new"]}}',
    '{"version":1,"algorithm":"fsverity-sha256-12","features":{"incompatible":"new"}}',
    '{"version":1,"algorithm":"fsverity-sha256-12","features":[]}',
  ])('%s is refused', async (text) => {
    expect(await codeOf(() => parseMeta(text, 'x'))).toBe('REPOSITORY_INVALID');
  });
});

describe('a damaged meta.json', () => {
  const file = (): string => join(path, 'meta.json');
  const flips = (text: Buffer): readonly Buffer[] =>
    Array.from({ length: text.length * 8 }, (_, index) => {
      const flipped = Buffer.from(text);
      flipped[index >> 3] = (flipped[index >> 3] ?? 0) ^ (1 << (index & 7));
      return flipped;
    });

  test.each(['require', 'try', 'none'] as const)('is found, and what it was: %s', async (verity) => {
    await repository.putObject(randomBytes(100));
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const whole = Buffer.from(formatMeta({ algorithm, verity }));
      for (const flipped of flips(whole)) {
        expect(await codeOf(() => parseMeta(flipped.toString('utf8'), 'x'))).toBe('REPOSITORY_INVALID');
      }
    }
    const whole = Buffer.from(formatMeta({ algorithm: 'sha256', verity }));
    for (const flipped of flips(whole).filter((_flip, index) => index % 29 === 0)) {
      writeFileSync(file(), flipped);
      expect(await checkRepositoryMeta(path, { repair: false })).toMatchObject({
        kind: 'meta-damaged',
        name: file(),
        repaired: false,
      });
      expect(readFileSync(file())).toEqual(flipped);
      expect(await checkRepositoryMeta(path, { repair: true })).toMatchObject({ repaired: true });
      expect(readFileSync(file())).toEqual(whole);
      expect(await checkRepositoryMeta(path, { repair: false })).toBeUndefined();
    }
    expect(readdirSync(path).filter((name) => name.includes('meta'))).toEqual(['meta.json']);
  });

  test('is named only, where what it was is not certain', async () => {
    await repository.putObject(randomBytes(100));
    const damaged = [
      'no json at all',
      // The objects are of another algorithm.
      formatMeta({ algorithm: 'sha512', verity: 'try' }).replace('default', 'dEfAULt'),
    ];
    for (const text of damaged) {
      writeFileSync(file(), text);
      const found = await checkRepositoryMeta(path, { repair: true });
      expect(found).toMatchObject({ kind: 'meta-damaged', repaired: false });
      expect(readFileSync(file(), 'utf8')).toBe(text);
    }
    rmSync(file());
    expect(await checkRepositoryMeta(path, { repair: true })).toMatchObject({ repaired: false });
  });

  test('is not what other programs write', async () => {
    await repository.putObject(randomBytes(100));
    for (const text of [
      formatMeta({ algorithm: 'sha256', verity: undefined }).replace('"default":1', '"default":2'),
      '{"version":1,"algorithm":"fsverity-sha256-12"}',
    ]) {
      writeFileSync(file(), text);
      expect(await checkRepositoryMeta(path, { repair: true })).toBeUndefined();
    }
  });
});

test('the holder of a lock is read from the list of the kernel', () => {
  const locks = [
    '1: POSIX  ADVISORY  WRITE 11 fe:00:77 0 EOF',
    '2: FLOCK  ADVISORY  READ 0 fe:00:77 0 EOF',
    '3: FLOCK  ADVISORY  WRITE 13 fe:00:77 0 EOF',
    '3: -> FLOCK  ADVISORY  WRITE 14 fe:00:77 0 EOF',
  ].join('\n');
  expect(lockHolder(locks, 77)).toBe(13);
  expect(lockHolder(locks, 7)).toBeUndefined();
});
