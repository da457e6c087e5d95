import {
  type OperationOptions,
  type ProgressTask,
  SlipwayError,
  silentProgress,
  startTask,
} from '@slipway/core';
import type {
  Descriptor,
  Digest,
  ImageDocument,
  ImageSource,
  ResolvedImage,
  WholeImageSource,
} from './image.ts';
import { parseManifest } from './manifest.ts';
import type { ImageTarget } from './target.ts';

/** Options of {@link copyImage}. */
export interface CopyImageOptions extends OperationOptions {
  /** The name the image gets there; undefined: reachable by digest only. */
  readonly tag?: string | undefined;
}

/** Blobs under way at once: enough to fill a connection while another waits for an answer. */
const PARALLEL_BLOBS = 3;
/** Indexes may hold indexes; nobody nests deeper than this. */
const MAX_DEPTH = 4;
/** Far more machines and attestations than an image is made for. */
const MAX_IMAGES = 1000;

/**
 * Copies one image to a registry or a layout, byte for byte, so that its digest stays. What is there
 * already is not sent; the manifest comes last, so that nobody sees half an image.
 *
 * @throws SlipwayError OCI_DIGEST_MISMATCH when the source is damaged, and what source and target throw
 */
export async function copyImage(
  from: ImageSource,
  image: ResolvedImage,
  to: ImageTarget,
  options: CopyImageOptions = {},
): Promise<Digest> {
  await copyBlobs(from, [image.manifest.config, ...image.manifest.layers], to, options);
  return await to.putManifest(image.manifestBytes, image.manifest.mediaType, options.tag, options);
}

/**
 * Copies what a reference names as it is: an index with all its images, or the one image it is. Blobs first, then each manifest,
 * then the index that makes them an image.
 *
 * @throws SlipwayError OCI_DIGEST_MISMATCH when the source is damaged, OCI_MANIFEST_INVALID, and what source and target throw
 */
export async function copyAll(
  from: WholeImageSource,
  to: ImageTarget,
  options: CopyImageOptions = {},
): Promise<Digest> {
  const top = await from.readDocument(undefined, options);
  const documents = await readTree(from, top, options, 0);
  await copyBlobs(
    from,
    documents.flatMap(({ blobs }) => blobs),
    to,
    options,
  );
  for (const { document } of documents.slice(0, -1)) await putPart(document, to, options);
  return await to.putManifest(top.bytes, top.mediaType, options.tag, options);
}

/** A manifest with its blobs, or an index, which has none of its own. */
interface CopiedDocument {
  readonly document: ImageDocument;
  readonly blobs: readonly Descriptor[];
}

/** Everything below a document and then itself, so that each comes after all it names. */
async function readTree(
  from: WholeImageSource,
  document: ImageDocument,
  options: OperationOptions,
  depth: number,
): Promise<readonly CopiedDocument[]> {
  const parsed = await parseManifest(document.bytes, from.name);
  if (parsed.kind === 'manifest') {
    return [{ document, blobs: [parsed.manifest.config, ...parsed.manifest.layers] }];
  }
  if (depth === MAX_DEPTH || parsed.manifests.length > MAX_IMAGES) {
    throw new SlipwayError(
      'OCI_MANIFEST_INVALID',
      `cannot copy ${from.name}: its indexes are nested deeper than ${MAX_DEPTH}, or name more than ${MAX_IMAGES} images`,
    );
  }
  const below: CopiedDocument[] = [];
  for (const { digest } of parsed.manifests) {
    const part = await from.readDocument(digest, options);
    below.push(...(await readTree(from, part, options, depth + 1)));
  }
  return [...below, { document, blobs: [] }];
}

async function putPart(document: ImageDocument, to: ImageTarget, options: OperationOptions): Promise<void> {
  const stored = await to.putManifest(document.bytes, document.mediaType, undefined, {
    ...options,
    isPart: true,
  });
  if (stored === document.digest) return;
  throw new SlipwayError(
    'OCI_MANIFEST_INVALID',
    `cannot copy ${document.digest} to ${to.name}: manifests are kept by SHA-256 there`,
    { hint: 'copy the image of one architecture' },
  );
}

async function copyBlobs(
  from: ImageSource,
  descriptors: readonly Descriptor[],
  to: ImageTarget,
  options: OperationOptions,
): Promise<void> {
  const blobs = distinct(descriptors);
  const total = blobs.reduce((sum, { size }) => sum + size, 0);
  const task = startTask(
    options.progress ?? silentProgress,
    `copy ${from.name} to ${to.name}`,
    'bytes',
    total,
  );
  await inParallel(
    blobs,
    PARALLEL_BLOBS,
    (blob, signal) => copyBlob(from, blob, to, task, { ...options, signal }),
    options.signal,
  );
  task.end();
}

async function copyBlob(
  from: ImageSource,
  blob: Descriptor,
  to: ImageTarget,
  task: ProgressTask,
  options: OperationOptions,
): Promise<void> {
  if (await to.hasBlob(blob, options)) {
    task.save(blob.size);
    return;
  }
  let counted = 0;
  async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    let passed = 0;
    for await (const chunk of from.openBlob(blob, 0, options)) {
      passed += chunk.length;
      // A transfer that had to be repeated is counted once.
      if (passed > counted) task.advance(passed - counted);
      counted = Math.max(counted, passed);
      yield chunk;
    }
  }
  await to.putBlob(blob, bytes, options);
  if (counted < blob.size) task.save(blob.size - counted);
}

function distinct(blobs: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

/** Does something for each item, a few at a time; the first failure stops the others and is thrown. */
async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const queue = items.values();
  let failure: { readonly error: unknown } | undefined;
  async function worker(): Promise<void> {
    for (const item of queue) {
      if (either.aborted) return;
      try {
        await work(item, either);
      } catch (error) {
        failure ??= { error };
        stop.abort();
      }
    }
  }
  await Promise.all(Array.from({ length: limit }, () => worker()));
  if (failure !== undefined) throw failure.error;
  signal?.throwIfAborted();
}
