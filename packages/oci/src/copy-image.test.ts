/** How a copy goes about its blobs; that what it copies is right, the tests of every place show. */
import { expect, test } from 'vitest';
import { copyImage } from './copy-image.ts';
import { digestOf } from './digest.ts';
import type { Descriptor, ImageSource, ResolvedImage } from './image.ts';
import { MEDIA_TYPES } from './manifest.ts';
import type { ImageTarget } from './target.ts';

const BLOBS = 12;
const PIECES = 50;
const PIECE = Buffer.alloc(1000);

const layers: readonly Descriptor[] = Array.from({ length: BLOBS }, (_, index) => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar',
  digest: digestOf(Buffer.from(String(index))),
  size: PIECES * PIECE.length,
}));
const config: Descriptor = { mediaType: MEDIA_TYPES.config, digest: digestOf(Buffer.from('c')), size: 0 };
const image: ResolvedImage = {
  referenceDigest: digestOf(Buffer.from('m')),
  manifestDigest: digestOf(Buffer.from('m')),
  manifestBytes: Buffer.from('m'),
  manifest: { mediaType: MEDIA_TYPES.manifest, config, layers: [...layers, ...layers], annotations: {} },
  configBytes: Buffer.alloc(0),
  config: { architecture: 'amd64', os: 'linux', created: undefined, labels: {}, diffIds: [] },
};

/** A place that counts what is under way; its pieces are handed out one at a time, and taken when it pleases. */
class Watched {
  open = 0;
  mostOpen = 0;
  ahead = 0;
  mostAhead = 0;
  readonly put: string[] = [];

  readonly source: ImageSource = {
    transport: 'registry',
    name: 'source',
    resolve: () => Promise.resolve(image),
    resolveDigest: () => Promise.resolve(image.manifestDigest),
    openBlob: (descriptor) => this.#read(descriptor),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };

  readonly target: ImageTarget = {
    name: 'target',
    hasBlob: () => Promise.resolve(false),
    putBlob: async ({ digest }, open) => {
      this.open += 1;
      this.mostOpen = Math.max(this.mostOpen, this.open);
      for await (const _piece of open()) {
        this.ahead -= 1;
        await new Promise(setImmediate);
      }
      this.open -= 1;
      this.put.push(digest);
    },
    putManifest: () => {
      this.put.push('manifest');
      return Promise.resolve(image.manifestDigest);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };

  async *#read({ size }: Descriptor): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < size; at += PIECE.length) {
      this.ahead += 1;
      this.mostAhead = Math.max(this.mostAhead, this.ahead);
      yield PIECE;
    }
  }
}

test('a few blobs at a time, a piece of each in memory, each once, the manifest last', async () => {
  const watched = new Watched();
  await copyImage(watched.source, image, watched.target);
  expect(watched.mostOpen).toBe(3);
  expect(watched.mostAhead).toBeLessThanOrEqual(3);
  expect(new Set(watched.put).size).toBe(watched.put.length);
  expect(watched.put).toHaveLength(BLOBS + 2);
  expect(watched.put.at(-1)).toBe('manifest');
});
