import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  makeTempDir,
  type OperationOptions,
  operation,
  SlipwayError,
  startTask,
  systemRefusal,
} from '@slipway/core';
import { ANNOTATIONS, chunkedInfo } from './chunked/format.ts';
import { DigestHasher } from './digest.ts';
import type { Descriptor, Digest, ImageSource, ResolvedImage } from './image.ts';
import { declaredCompression, type LayerFormat } from './layer/compression.ts';
import { openLayer } from './layer/open-layer.ts';
import { type BlobSink, writeLayer } from './layer/write-layer.ts';
import { MEDIA_TYPES } from './manifest.ts';
import type { ImageTarget } from './target.ts';

/** Options of {@link recompressImage}. */
export interface RecompressOptions extends OperationOptions {
  /** How layers are packed there. */
  readonly format: LayerFormat;
  /** Default: that of the format. */
  readonly level?: number;
  /** The name the image gets there; undefined: reachable by digest only. */
  readonly tag?: string | undefined;
}

/**
 * Copies one image and packs its layers anew on the way. Layers packed like that already are copied as they are. The
 * configuration stays byte for byte, so builders and hosts see the same image; manifest and digest are new, and OCI's.
 *
 * Each new layer is a temporary file until the target has it: its digest must be known before it is sent.
 *
 * @throws SlipwayError OCI_DIGEST_MISMATCH when the source is damaged, NO_SPACE, and what source and target throw
 */
export async function recompressImage(
  from: ImageSource,
  image: ResolvedImage,
  to: ImageTarget,
  options: RecompressOptions,
): Promise<Digest> {
  await using temp = await makeTempDir('recompress');
  const layers: Descriptor[] = [];
  for (const [index, layer] of image.manifest.layers.entries()) {
    const isSuch = isPacked(layer, options.format);
    if (isSuch) await copyLayer(from, layer, to, options);
    layers.push(
      isSuch ? layer : await repackLayer({ from, image, index, to, directory: temp.path }, options),
    );
  }
  const { config } = image.manifest;
  await to.putBlob(config, () => from.openBlob(config, 0, options), options);
  const manifest = manifestOf(image, layers);
  return await to.putManifest(manifest, MEDIA_TYPES.manifest, options.tag, options);
}

function isPacked(layer: Descriptor, format: LayerFormat): boolean {
  if (!layer.mediaType.startsWith('application/vnd.oci.')) return false;
  const isChunked = chunkedInfo(layer)?.kind === 'zstd';
  if (format === 'zstd:chunked') return isChunked;
  return declaredCompression(layer.mediaType) === format && !isChunked;
}

async function copyLayer(
  from: ImageSource,
  layer: Descriptor,
  to: ImageTarget,
  options: RecompressOptions,
): Promise<void> {
  if (await to.hasBlob(layer, options)) return;
  await to.putBlob(layer, () => from.openBlob(layer, 0, options), options);
}

interface RepackJob {
  readonly from: ImageSource;
  readonly image: ResolvedImage;
  readonly index: number;
  readonly to: ImageTarget;
  readonly directory: string;
}

async function repackLayer(job: RepackJob, options: RecompressOptions): Promise<Descriptor> {
  const { from, image, index, to, directory } = job;
  const path = join(directory, 'layer');
  const task = startTask(
    operation(options).progress,
    `pack layer ${index + 1} of ${image.manifest.layers.length}`,
    'bytes',
    image.manifest.layers[index]?.size,
  );
  const onFetched = (bytes: number): void => task.advance(bytes);
  const archive = openLayer(from, image, index, { ...options, cacheDir: directory, onFetched });
  const { descriptor } = await writeLayer(fileSink(path), archive, {
    compression: options.format,
    ...(options.level === undefined ? {} : { level: options.level }),
  });
  task.end();
  const annotations = { ...plainAnnotations(image.manifest.layers[index]), ...descriptor.annotations };
  if (!(await to.hasBlob(descriptor, options))) {
    await to.putBlob(descriptor, () => createReadStream(path) as AsyncIterable<Buffer>, options);
  }
  await rm(path);
  return { ...descriptor, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) };
}

/** What a layer was annotated with, without what was about its packing. */
function plainAnnotations(layer: Descriptor | undefined): Readonly<Record<string, string>> {
  const packing = new Set<string>(Object.values(ANNOTATIONS));
  return Object.fromEntries(Object.entries(layer?.annotations ?? {}).filter(([key]) => !packing.has(key)));
}

/** Bytes into a file, which is made anew. */
function fileSink(path: string): BlobSink {
  return {
    async writeBlob(stream, algorithm = 'sha256') {
      const hasher = new DigestHasher(algorithm);
      try {
        await using handle = await open(path, 'w', 0o600);
        for await (const chunk of stream) {
          hasher.update(chunk);
          await writeAll(handle, chunk);
        }
      } catch (cause) {
        throw refusalOf(cause, path);
      }
      return { size: hasher.sizeBytes, digest: hasher.digest() };
    },
  };
}

function refusalOf(cause: unknown, path: string): unknown {
  const refusal = systemRefusal(cause);
  if (refusal === undefined) return cause;
  const isFull = refusal.errno === 'ENOSPC' || refusal.errno === 'EDQUOT';
  return new SlipwayError(isFull ? 'NO_SPACE' : 'IO_FAILED', `cannot write ${path}: ${refusal.meaning}`, {
    ...(isFull
      ? { hint: 'a layer is packed into a temporary file first: set TMPDIR to where there is room' }
      : {}),
    cause,
  });
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
}

function manifestOf(image: ResolvedImage, layers: readonly Descriptor[]): Buffer {
  const { config, annotations } = image.manifest;
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: { mediaType: MEDIA_TYPES.config, digest: config.digest, size: config.size },
    layers,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  return Buffer.from(JSON.stringify(manifest), 'utf8');
}
