import {
  type ByteStream,
  freeBytes,
  isSlipwayError,
  messageOf,
  type OperationOptions,
  SlipwayError,
} from '@slipway/core';
import { verifyStream } from '../digest.ts';
import type { Descriptor, Digest, ImageSource, OpenBlobOptions, ResolvedImage } from '../image.ts';
import { declaredCompression } from './compression.ts';
import { type DecompressOptions, decompress } from './decompress.ts';
import { PartialFile } from './partial-file.ts';

/** Options of {@link openLayer}. */
export interface OpenLayerOptions extends OperationOptions {
  /**
   * Where blobs from a registry are kept while they arrive, so that a killed pull resumes. It must
   * exist, and one process may use it at a time. Layouts do not need it.
   */
  readonly cacheDir: string;
  /** More than this unpacked is refused. Default: 64 GiB. */
  readonly limitBytes?: number;
  /** Hears of bytes that came from the source. */
  readonly onFetched?: (bytes: number) => void;
  /** Hears of bytes an earlier, interrupted pull had fetched already. */
  readonly onSaved?: (bytes: number) => void;
}

/**
 * The tar archive of a layer, decompressed.
 *
 * Blob and archive are verified as they pass: only the end of the stream, reached without an error,
 * says that they are right, so nothing may be committed before it. A blob from a registry is also
 * written to `cacheDir`, and removed from there when it was read to its end; if the reader or the process
 * stops earlier, the next call goes on from what is there.
 *
 * @param index which layer of the manifest
 * @throws SlipwayError OCI_DIGEST_MISMATCH (the cached file is removed first), OCI_COMPRESSION_INVALID,
 *   OCI_MANIFEST_INVALID for a layer that is no file system, and what the source throws
 */
export async function* openLayer(
  source: ImageSource,
  image: ResolvedImage,
  index: number,
  options: OpenLayerOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const layer = packedLayer(source, image, index);
  try {
    yield* unpackLayer(openPackedLayer(source, layer, options), layer, options);
  } catch (error) {
    if (isSlipwayError(error, 'OCI_COMPRESSION_INVALID')) await checkPackedLayer(source, layer, options);
    throw error;
  }
}

/** A layer as an image has it: how it is transported, and what is in it. */
export interface PackedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** Names it in errors. */
  readonly what: string;
}

/**
 * One layer of an image.
 *
 * @throws SlipwayError OCI_MANIFEST_INVALID for a layer that is no file system
 */
export function packedLayer(source: ImageSource, image: ResolvedImage, index: number): PackedLayer {
  const descriptor = image.manifest.layers[index];
  const diffId = image.config.diffIds[index];
  if (descriptor === undefined || diffId === undefined) {
    throw new SlipwayError('INTERNAL', `internal error: ${source.name} has no layer ${index}`);
  }
  declaredCompression(descriptor.mediaType);
  return { descriptor, diffId, what: `layer ${index + 1} (${descriptor.digest}) of ${source.name}` };
}

/** The first half of {@link openLayer}: the blob as it is transported, kept and verified as is said there. */
export function openPackedLayer(
  source: ImageSource,
  { descriptor }: PackedLayer,
  { reuseChunks = false, ...options }: OpenLayerOptions & Pick<OpenBlobOptions, 'reuseChunks'>,
): ByteStream {
  return source.transport === 'registry'
    ? throughCache(source, descriptor, reuseChunks, options)
    : counted(source.openBlob(descriptor, 0, { ...options, reuseChunks }), options.onFetched);
}

/** The second half: the archive in a blob. It needs no source, so it can be done in another thread. */
export function unpackLayer(
  blob: ByteStream,
  { diffId, what }: Pick<PackedLayer, 'diffId' | 'what'>,
  options: Pick<DecompressOptions, 'limitBytes' | 'reuseChunks'> = {},
): ByteStream {
  const archive = decompress(blob, { ...options, what });
  return verifyStream(archive, diffId, undefined, `the archive in ${what}`);
}

/**
 * A layer that does not unpack was damaged on its way here, or made like that. The rest of the blob tells: bytes that
 * are not what the digest names may be right the next time, an image that was made wrong never is.
 *
 * @throws SlipwayError OCI_DIGEST_MISMATCH when it was damaged; what was kept of it is removed
 */
export async function checkPackedLayer(
  source: ImageSource,
  { descriptor }: PackedLayer,
  options: OpenLayerOptions,
): Promise<void> {
  if (source.transport !== 'registry') {
    for await (const _chunk of source.openBlob(descriptor, 0, options)) {
      // Its end throws.
    }
    return;
  }
  await using file = await PartialFile.open(options.cacheDir, descriptor);
  await file.rehash(options.signal);
  try {
    const rest = source.openBlob(descriptor, file.sizeBytes, options);
    for await (const chunk of counted(rest, options.onFetched)) await file.append(chunk);
    file.verify(source.name);
  } finally {
    // Whole and of no use, or damaged.
    await file.remove();
  }
}

/** The blob as it arrives, kept in the cache directory until all of it was read. */
async function* throughCache(
  source: ImageSource,
  descriptor: Descriptor,
  reuseChunks: boolean,
  options: OpenLayerOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using file = await PartialFile.open(options.cacheDir, descriptor);
  if (file.sizeBytes > 0) await completeLeftover(source, file, options);
  if (file.isComplete) yield* file.read();
  else if (reuseChunks) yield* released(arriving(source, file, options));
  else yield* arriving(source, file, options);
  // Asked for more after the last byte: the reader has taken all of it.
  await file.remove();
}

/** Goes on where an earlier process stopped; its part is trusted only once the whole has the right digest. */
async function completeLeftover(
  source: ImageSource,
  file: PartialFile,
  options: OpenLayerOptions,
): Promise<void> {
  const leftover = file.sizeBytes;
  await file.rehash(options.signal);
  try {
    for await (const chunk of counted(
      source.openBlob(file.descriptor, leftover, options),
      options.onFetched,
    )) {
      await file.append(chunk);
    }
    file.verify(source.name);
    options.onSaved?.(leftover);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== 'OCI_DIGEST_MISMATCH') throw error;
    // A power cut can leave a part that is not what was written; that must not spoil this pull.
    options.log?.warn('a partly fetched layer was damaged and is fetched again', {
      reason: messageOf(error),
    });
    await file.truncate();
  }
}

async function* arriving(
  source: ImageSource,
  file: PartialFile,
  options: OpenLayerOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    // From the start, openBlob verifies by itself.
    for await (const chunk of counted(source.openBlob(file.descriptor, 0, options), options.onFetched)) {
      await file.append(chunk);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof SlipwayError && error.code === 'OCI_DIGEST_MISMATCH') await file.remove();
    throw error;
  }
}

/** Frees each chunk when the next one is asked for. */
async function* released(stream: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) {
    yield chunk;
    freeBytes(chunk);
  }
}

async function* counted(
  stream: ByteStream,
  onBytes: ((bytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) {
    onBytes?.(chunk.length);
    yield chunk;
  }
}
