import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { initRepository, layerStreamName, type Repository } from '@slipway/composefs';
import { makeTempDir, run } from '@slipway/core';
import { openImage, parseReference, type ResolvedImage } from '@slipway/oci';
import { build } from 'rolldown';
import { expect, test } from 'vitest';
import { Random } from '../packages/composefs/src/testing/random-dump.ts';
import { type FaultProxy, startFaultProxy } from './harness/fault-proxy.ts';
import { layeredImage } from './harness/layered-image.ts';
import { startRegistry } from './harness/registry.ts';

// Scenario: processes that pull an image from a registry into one store are killed, two hundred of them, each when so many bytes
// have come or a little later. After every kill the store is whole, and a layer that was recorded is never asked for again.
// Each pull that is let alone completes; then the store is emptied, and it begins anew.

const KILLS = 200;
/** So many pulls after each other are killed, the next one is not; the first one leaves its script compiled for the others. */
const KILLS_IN_A_ROW = 9;
const LAYERS = 3;

test('two hundred kills of a pull leave a whole store each, and nothing recorded is fetched again', async () => {
  await using dir = await makeTempDir('pull-kill');
  await using registry = await startRegistry();
  await using proxy = await startFaultProxy(registry.hostPort);
  const reference = await pushedImage(dir.path, registry.hostPort);
  const image = await resolved(reference);
  const store = join(dir.path, 'store');
  const repository = await initRepository(store);
  await using pulls = new Pulls(await bundledChild(dir.path), [
    reference.replace(registry.hostPort, proxy.hostPort),
    store,
    join(dir.path, 'cache'),
  ]);
  const random = new Random(11);

  let killed = 0;
  let resumed = 0;
  const ids = new Set<string>();
  for (let round = 1; killed < KILLS; round += 1) {
    const recorded = recordedLayers(repository, image);
    const isLetAlone = round % (KILLS_IN_A_ROW + 1) === 1;
    const point = { sentBytes: random.below(sizeOf(image)), laterMs: random.below(40) };
    proxy.clear();
    const wasKilled = await pulls.next(isLetAlone ? undefined : (ended) => reached(proxy, point, ended));
    if (wasKilled) killed += 1;
    resumed += proxy.blobRequests().filter(({ range }) => range !== undefined).length;

    expect(await repository.fsck()).toEqual([]);
    for (const digest of recorded) expect(proxy.blobRequests(digest)).toEqual([]);
    if (wasKilled) continue;
    for (const id of repository.listImages()) {
      ids.add(id);
      repository.removeImage(id);
    }
    await repository.gc({ keepImages: [], keepStreams: [] });
  }
  expect(resumed).toBeGreaterThan(0);
  expect(ids.size).toBe(1);
});

/** Layers long enough for a kill to fall into each of them, and for a thread to read each. */
async function pushedImage(directory: string, hostPort: string): Promise<string> {
  const layout = await layeredImage(directory, {
    layers: LAYERS,
    filesPerLayer: 40,
    longFileBytes: 4_500_000,
  });
  const destination = `docker://${hostPort}/os:test`;
  await run(['skopeo', 'copy', '--dest-tls-verify=false', `oci:${layout}:test`, destination], {
    describe: 'push an image',
  });
  return destination;
}

async function resolved(reference: string): Promise<ResolvedImage> {
  await using source = openImage(parseReference(reference));
  return await source.resolve('amd64');
}

/** Digests of the blobs of layers the store has a record of. */
function recordedLayers(repository: Repository, { manifest, config }: ResolvedImage): readonly string[] {
  const streams = new Set(repository.listStreams());
  return manifest.layers.flatMap(({ digest }, index) =>
    streams.has(layerStreamName(config.diffIds[index] ?? '')) ? [digest] : [],
  );
}

function sizeOf({ manifest }: ResolvedImage): number {
  return manifest.layers.reduce((sum, { size }) => sum + size, 0);
}

/** Waits until the registry has sent so many bytes of blobs, and a little longer. */
async function reached(
  proxy: FaultProxy,
  point: { readonly sentBytes: number; readonly laterMs: number },
  ended: AbortSignal,
): Promise<void> {
  const sentBytes = (): number => proxy.blobRequests().reduce((sum, request) => sum + request.sentBytes, 0);
  while (!ended.aborted && sentBytes() < point.sentBytes) await delay(1);
  await delay(point.laterMs);
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** Pulls in processes of their own; the next one is loaded while the one before works. */
class Pulls implements AsyncDisposable {
  readonly #argv: readonly string[];
  readonly #compiled: string;
  #loaded: Child;

  constructor(script: string, args: readonly string[]) {
    this.#compiled = join(dirname(script), 'compiled');
    this.#argv = [script, ...args];
    this.#loaded = this.#spawn();
  }

  /** Runs one pull until `until` or its end; says whether it was killed. */
  async next(until: ((ended: AbortSignal) => Promise<void>) | undefined): Promise<boolean> {
    const child = this.#loaded;
    const closed = once(child, 'close') as Promise<[number | null, string | null]>;
    await once(child.stdout, 'data');
    this.#loaded = this.#spawn();
    child.stdin.write('go');
    if (until !== undefined) {
      const ended = new AbortController();
      child.once('close', () => ended.abort());
      await Promise.race([until(ended.signal), closed]);
      child.kill('SIGKILL');
    }
    const [code, signal] = await closed;
    if (signal !== 'SIGKILL') expect(code).toBe(0);
    return signal === 'SIGKILL';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#loaded, 'close');
    this.#loaded.kill('SIGKILL');
    await closed;
  }

  #spawn(): Child {
    return spawn(process.execPath, this.#argv, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, WAIT: '1', NODE_COMPILE_CACHE: this.#compiled },
    });
  }
}

/** The child as one script, which starts in a third of the time; the one of its threads is beside it. */
async function bundledChild(directory: string): Promise<string> {
  const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const bundle = async (path: string, name: string): Promise<string> => {
    const outfile = join(directory, name);
    await build({ input: source(path), platform: 'node', output: { file: outfile, codeSplitting: false } });
    return outfile;
  };
  await copyFile(
    source(`../packages/linux/native/build/linux-${process.arch}.node`),
    join(directory, 'linux.node'),
  );
  await bundle('../packages/composefs/src/import/layer-worker.ts', 'layer-worker.js');
  return await bundle('harness/import-child.ts', 'import-child.js');
}
