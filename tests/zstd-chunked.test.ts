/**
 * Layers fetched file by file: the next version of an image from a real registry costs its new files and little more, and what is in
 * the store afterwards is what the whole image would have put there. podman of Debian 13 reads what we write, and we what it writes; of
 * eStargz we read what stargz-snapshotter writes.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import {
  type ImportedImage,
  importImage,
  initRepository,
  layerStreamName,
  type Repository,
} from '@slipway/composefs';
import { makeTempDir, type TempDir } from '@slipway/core';
import {
  type Descriptor,
  type Digest,
  type LayerFormat,
  MEDIA_TYPES,
  openImage,
  openLayoutWriter,
  openTarget,
  parseReference,
  recompressImage,
  type TarInput,
  writeLayer,
  writeTar,
} from '@slipway/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { file, link, member } from '../packages/composefs/src/import/testing.ts';
import { type FaultProxy, startFaultProxy } from './harness/fault-proxy.ts';
import { podman, preparePodman } from './harness/podman-trixie.ts';
import { startRegistry, type TestRegistry } from './harness/registry.ts';
import { slipway, slipwayJson } from './harness/slipway.ts';
import { convertToStargz } from './harness/stargz-snapshotter.ts';

/** How much of programs goes into an image, and of how many files one is new in the second version. */
const PROGRAM_BYTES = 24 * 2 ** 20;
/** Shorter ones hardly count among the bytes of an operating system. */
const SMALLEST_BYTES = 32 * 1024;
const NEW_DIVISOR = 4;
/** Into how long pieces eStargz cuts programs: the usual 4 MiB would leave each of them whole. */
const STARGZ_PIECE_BYTES = 64 * 1024;

let temp: TempDir;
let registry: TestRegistry;
let proxy: FaultProxy;
let layout: string;

beforeAll(async () => {
  temp = await makeTempDir('zstd-chunked');
  layout = join(temp.path, 'layout');
  registry = await startRegistry();
  proxy = await startFaultProxy(registry.hostPort);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await temp[Symbol.asyncDispose]();
});

describe('the next version of an image', () => {
  const programs = pinnedPrograms();
  const news = programs.filter((_, index) => index % NEW_DIVISOR === 0);
  const extras = [
    member('usr/'),
    member('usr/bin/'),
    file('usr/motd', 'a file that stands in the image itself'),
    file('usr/empty', ''),
    link('usr/link', 'motd'),
    link('usr/hard', 'usr/motd', 'hardlink'),
    file(Buffer.from(`usr/${'ö'.repeat(90)}`).toString('latin1'), 'a long name', { mtimeNsec: 123_456_789 }),
  ];

  beforeAll(async () => {
    await writeImage('v1', [[...extras, ...olderOf(programs)]]);
    await writeImage('v2', [[...extras, ...programs.map(({ path, bytes }) => member(path, { bytes }))]]);
    // The same files in other layers, and a program of its own: another image of the same house.
    const half = programs.length / 2;
    const halves = [programs.slice(half), programs.slice(0, half)].map((part) =>
      part.map(({ path, bytes }) => member(path, { bytes })),
    );
    await writeImage('other', [
      ...halves,
      [...extras, member('usr/own', { bytes: Buffer.alloc(9999, 'own') })],
    ]);
    await push('v1', 'zstd');
    for (const tag of ['v2', 'other']) await push(tag, 'zstd:chunked');
    await push('v2', 'none', 'v2-plain');
  });

  test('costs its new files compressed alone and 5 % at most', async () => {
    const repository = await storeWith('v1', 'cost');
    const alone = zstdCompressSync(Buffer.concat(news.map(({ bytes }) => bytes)), {
      params: { [constants.ZSTD_c_compressionLevel]: 3 },
    });
    const { imported, sentBytes, events } = await pull(repository, 'v2');
    expect(sentBytes).toBeLessThan(alone.length * 1.05);
    const { fetchedBytes } = imported;
    expectLittleAround(fetchedBytes, sentBytes);
    // Progress says what was fetched and what was saved: the whole layer together.
    const size = imported.layers[0] === undefined ? 0 : await layerBytes('v2');
    expect(events.at(-1)).toMatchObject({ kind: 'end', done: fetchedBytes, saved: size - fetchedBytes });
    await expectSameAsWhole(repository, imported, 'v2');
  });

  test('is fetched whole into an empty store, and not at all a second time', async () => {
    const repository = await initRepository(join(temp.path, 'empty'));
    const first = await pull(repository, 'v2');
    expect(first.sentBytes).toBe(await layerBytes('v2'));
    const second = await pull(repository, 'v2');
    expect(second.sentBytes).toBe(0);
  });

  test('is pulled in parts again when only its index is here, of what a garbage collection left', async () => {
    const repository = await storeWith('v1', 'collected');
    const v2 = await pull(repository, 'v2');
    expect(repository.listStreams().filter((name) => name.startsWith('oci-content-'))).toHaveLength(2);
    await repository.gc({ keepStreams: [v2.imported.stream] });
    expect(repository.listStreams().filter((name) => name.startsWith('oci-content-'))).toHaveLength(1);
    expect(await repository.fsck()).toEqual([]);
    const other = await pull(repository, 'other');
    expect(other.sentBytes).toBeLessThan(60_000);
    await expectSameAsWhole(repository, other.imported, 'other');
  });

  test('costs next to nothing when an image with the same files in other layers is here', async () => {
    const repository = await storeWith('other', 'switched');
    const { imported, sentBytes } = await pull(repository, 'v2');
    expect(sentBytes).toBeLessThan(60_000);
    await expectSameAsWhole(repository, imported, 'v2');
  });

  test('comes whole, with a warning, from a registry that sends no ranges', async () => {
    const repository = await storeWith('v1', 'no-ranges');
    proxy.inject({ kind: 'ignore-range' }, { times: 100 });
    const { imported, warnings } = await pull(repository, 'v2');
    proxy.clear();
    expect(warnings).toEqual([expect.stringContaining('only whole blobs')]);
    await expectSameAsWhole(repository, imported, 'v2');
  });

  test('comes whole, with a warning, when its table of contents was damaged on the way', async () => {
    const repository = await storeWith('v1', 'damaged-toc');
    const [layer] = await layersOf('v2');
    const position = layer?.annotations?.['io.github.containers.zstd-chunked.manifest-position'] ?? '';
    proxy.inject(
      { kind: 'corrupt', atByte: Number.parseInt(position, 10) + 100 },
      { path: new RegExp(layer?.digest ?? '') },
    );
    const { imported, warnings } = await pull(repository, 'v2');
    expect(warnings).toEqual([expect.stringContaining('table of contents')]);
    await expectSameAsWhole(repository, imported, 'v2');
  });

  test('goes on in parts when connections break, and gets what it asked for', async () => {
    const repository = await storeWith('v1', 'broken');
    proxy.inject({ kind: 'cut', afterBytes: 1000 }, { times: 3 });
    const { imported, warnings } = await pull(repository, 'v2');
    expect(warnings).toEqual([]);
    await expectSameAsWhole(repository, imported, 'v2');
  });

  test('is an ordinary image to who pulls it from a layout, or packed in another way', async () => {
    const repository = await storeWith('v1', 'plain');
    const { imported, sentBytes } = await pull(repository, 'v2-plain');
    expect(sentBytes).toBe(await layerBytes('v2-plain'));
    await expectSameAsWhole(repository, imported, 'v2');
  });
});

describe('podman of Debian 13', () => {
  let graph: string;
  const large = Buffer.concat(pinnedPrograms().map(({ bytes }) => bytes)).subarray(0, 6_000_000);
  const members = (seed: string): readonly TarInput[] => [
    member('etc/'),
    ...Array.from({ length: 200 }, (_, index) =>
      file(`etc/${index}`, (index % 10 === 0 ? seed : 'same').repeat(200 + index), { mtimeNsec: index }),
    ),
    member('large', { bytes: large, xattrs: new Map([['user.note', Buffer.of(0, 255)]]) }),
    link('etc/link', '1'),
    link('etc/hard', 'etc/2', 'hardlink'),
  ];

  beforeAll(async () => {
    await preparePodman();
    graph = join(temp.path, 'graph');
    mkdirSync(graph);
    await writeImage('p1', [members('one')]);
    await writeImage('p2', [members('two')]);
  });

  test('pulls what we push, in parts, and has the same image', async () => {
    for (const tag of ['p1', 'p2']) {
      const reference = `${registry.hostPort}/os:${tag}`;
      const args = ['push', '--compression-format', 'zstd:chunked', `oci:${layout}:${tag}`, reference];
      const pushed = await slipwayJson(args);
      // The same bytes every time, by the command and by the library.
      expect(pushed).toMatchObject({ digest: await push(tag, 'zstd:chunked') });
      const { stderr } = await podman(graph, ['pull', '--tls-verify=false', `docker://${reference}`]);
      expect(stderr).toContain('Retrieved partial blob');
      const { stdout } = await podman(graph, ['image', 'inspect', '--format', '{{.Id}}', reference]);
      await using source = openImage(parseReference(`oci:${layout}:${tag}`));
      const { manifest } = await source.resolve('amd64');
      expect(`sha256:${stdout.toString('utf8').trim()}`).toBe(manifest.config.digest);
    }
  });

  test('pushes what we pull in parts', async () => {
    for (const tag of ['p1', 'p2']) {
      const target = `docker://${registry.hostPort}/os:${tag}-podman`;
      await push(tag, 'gzip', `${tag}-gzip`);
      const source = `docker://${registry.hostPort}/os:${tag}-gzip`;
      await podman(graph, ['pull', '--tls-verify=false', source]);
      const format = ['--compression-format', 'zstd:chunked', '--force-compression'];
      await podman(graph, [
        'push',
        '--tls-verify=false',
        ...format,
        source.slice('docker://'.length),
        target,
      ]);
    }
    const repository = await storeWith('p1-podman', 'podman');
    const { imported, sentBytes, warnings } = await pull(repository, 'p2-podman');
    expect(warnings).toEqual([]);
    expect(sentBytes).toBeLessThan((await layerBytes('p2-podman')) / 10);
    await expectSameAsWhole(repository, imported, 'p2-podman');
  });
});

describe('eStargz by stargz-snapshotter', () => {
  const programs = pinnedPrograms();
  const directories = [member('usr/'), member('usr/bin/')];

  beforeAll(async () => {
    await writeImage('e1', [[...directories, ...olderOf(programs)]]);
    await writeImage('e2', [[...directories, ...programs.map(({ path, bytes }) => member(path, { bytes }))]]);
    await push('e1', 'gzip', 'e1-gzip');
    const archive = (name: string): string => join(temp.path, `${name}.tar`);
    const conversions = ['e1', 'e2'].map((tag) => ({
      tag,
      from: archive(tag),
      to: archive(`${tag}-stargz`),
      pieceBytes: STARGZ_PIECE_BYTES,
    }));
    const copy = ['copy', '-q', '--compression-format', 'gzip'];
    for (const { tag, from } of conversions)
      await slipway([...copy, `oci:${layout}:${tag}`, `oci-archive:${from}:${tag}`]);
    await convertToStargz(conversions);
    for (const { tag, to } of conversions)
      await slipway(['copy', '-q', `oci-archive:${to}`, `${registry.hostPort}/os:${tag}-stargz`]);
  });

  // The last piece of each file holds what the archive has up to the next one, and is always fetched.
  test.each([
    ['of the same kind', 'e1-stargz'],
    ['packed in the ordinary way', 'e1-gzip'],
  ])('the next version costs what is new, and ends, when the last one %s is here', async (_what, older) => {
    const alone = programs
      .map(({ bytes }, index) => (index % NEW_DIVISOR === 0 ? bytes : lastPiece(bytes)))
      .flatMap((bytes) => [...piecesOf(bytes)])
      .reduce((sum, piece) => sum + gzipSync(piece, { level: 9 }).length, 0);
    const repository = await storeWith(older, `stargz-${older}`);
    const { imported, sentBytes, events, warnings } = await pull(repository, 'e2-stargz');
    expect(warnings).toEqual([]);
    expect(sentBytes).toBeGreaterThan(alone / 2);
    expect(sentBytes).toBeLessThan(alone * 1.05);
    const { fetchedBytes } = imported;
    expectLittleAround(fetchedBytes, sentBytes);
    const saved = (await layerBytes('e2-stargz')) - fetchedBytes;
    expect(events.at(-1)).toMatchObject({ kind: 'end', done: fetchedBytes, saved });
    await expectSameAsWhole(repository, imported, 'e2-stargz');
  });

  test('comes whole into an empty store', async () => {
    const repository = await initRepository(join(temp.path, 'stargz-empty'));
    expect((await pull(repository, 'e2-stargz')).sentBytes).toBe(await layerBytes('e2-stargz'));
  });
});

function* piecesOf(bytes: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += STARGZ_PIECE_BYTES)
    yield bytes.subarray(at, at + STARGZ_PIECE_BYTES);
}

function lastPiece(bytes: Buffer): Buffer {
  return [...piecesOf(bytes)].at(-1) ?? bytes;
}

interface Program {
  readonly path: string;
  readonly bytes: Buffer;
}

/** An older version of programs: every so many differ. */
function olderOf(programs: readonly Program[]): readonly TarInput[] {
  return programs.map(({ path, bytes }, index) =>
    member(path, { bytes: index % NEW_DIVISOR === 0 ? Buffer.from(`older ${path}`) : bytes }),
  );
}

/** Pieces of Node's own executable: real programs, and the same ones on every machine. */
function pinnedPrograms(): readonly Program[] {
  const node = readFileSync(process.execPath);
  const programs: Program[] = [];
  for (let at = PROGRAM_BYTES; at < 2 * PROGRAM_BYTES; ) {
    const sizeBytes: number = SMALLEST_BYTES * (1 + (programs.length % 17));
    programs.push({
      path: `usr/bin/program-${programs.length}`,
      bytes: Buffer.from(node.subarray(at, at + sizeBytes)),
    });
    at += sizeBytes;
  }
  return programs;
}

/** Writes an image into the layout, its layers packed fast. */
async function writeImage(tag: string, layers: readonly (readonly TarInput[])[]): Promise<void> {
  await using writer = await openLayoutWriter(layout);
  const written = [];
  for (const members of layers) written.push(await writeLayer(writer, writeTar(members), { level: 1 }));
  const diffIds = written.map((layer) => layer.diffId);
  const history = layers.map(() => ({ created: '2023-11-14T22:13:20Z' }));
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: diffIds },
      history,
    }),
  );
  const blob = await writer.writeBlob(
    (async function* once() {
      yield config;
    })(),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: { mediaType: MEDIA_TYPES.config, ...blob },
    layers: written.map((layer) => layer.descriptor),
  };
  await writer.putManifest(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.manifest, tag);
}

async function push(tag: string, format: LayerFormat, as: string = tag): Promise<Digest> {
  await using source = openImage(parseReference(`oci:${layout}:${tag}`));
  await using target = await openTarget(parseReference(`${registry.hostPort}/os:${as}`));
  return await recompressImage(source, await source.resolve('amd64'), target, { format, tag: as });
}

async function layersOf(tag: string): Promise<readonly Descriptor[]> {
  await using source = openImage(parseReference(`${registry.hostPort}/os:${tag}`));
  return (await source.resolve('amd64')).manifest.layers;
}

async function layerBytes(tag: string): Promise<number> {
  return (await layersOf(tag)).reduce((sum, { size }) => sum + size, 0);
}

/** A store that has an image, whole. */
async function storeWith(tag: string, name: string): Promise<Repository> {
  const repository = await initRepository(join(temp.path, name));
  await pull(repository, tag);
  return repository;
}

interface Pulled {
  readonly imported: ImportedImage;
  /** Bytes of layers the registry sent. */
  readonly sentBytes: number;
  readonly warnings: readonly string[];
  readonly events: readonly unknown[];
}

async function pull(repository: Repository, tag: string): Promise<Pulled> {
  const warnings: string[] = [];
  const events: unknown[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn(message: string, fields?: Readonly<Record<string, unknown>>) {
      // Of connections taken up again there are others.
      if (message.includes('in parts')) warnings.push(String(fields?.['reason']));
    },
    error: () => undefined,
  };
  await using source = openImage(parseReference(`${proxy.hostPort}/os:${tag}`));
  const image = await source.resolve('amd64');
  const before = proxy.requests.length;
  const options = {
    cacheDir: join(repository.path, 'downloads'),
    log,
    progress: (event: unknown) => void events.push(event),
  };
  const imported = await importImage(repository, source, image, options);
  const layers = new Set(image.manifest.layers.map(({ digest }) => `/v2/os/blobs/${digest}`));
  const seen = proxy.requests
    .slice(before)
    .filter((request) => request.method === 'GET' && layers.has(request.path));
  return { imported, sentBytes: seen.reduce((sum, request) => sum + request.sentBytes, 0), warnings, events };
}

/** Where several ranges come in one answer, the registry says of each which one it is. */
function expectLittleAround(fetchedBytes: number, sentBytes: number): void {
  expect(sentBytes).toBeGreaterThanOrEqual(fetchedBytes);
  expect(sentBytes - fetchedBytes).toBeLessThan(sentBytes / 100);
}

/** The records of all layers are, byte for byte, those of an import that read everything. */
async function expectSameAsWhole(
  repository: Repository,
  imported: ImportedImage,
  tag: string,
): Promise<void> {
  const whole = await initRepository(join(temp.path, `whole-${tag}`));
  await pull(whole, tag);
  for (const { diffId } of imported.layers) {
    const name = layerStreamName(diffId);
    expect(repository.streams.get(name)).toBe(whole.streams.get(name));
    const record = repository.readStream(name);
    const missing = Array.from(record?.objects ?? []).filter(
      (digest) => !repository.hasObject(Buffer.from(digest).toString('hex')),
    );
    expect(missing).toEqual([]);
  }
}
