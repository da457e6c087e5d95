import type { ByteStream } from '@slipway/core';
import { type ChunkedLayer, compressChunked } from '../chunked/writer.ts';
import { DigestHasher } from '../digest.ts';
import type { Descriptor, Digest } from '../image.ts';
import type { LayoutWriter } from '../layout/writer.ts';
import { type CompressOptions, compress } from './compress.ts';
import { type LayerFormat, layerMediaType } from './compression.ts';

/** What a manifest and a configuration say of a layer. */
export interface WrittenLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** Somewhere bytes are put whose digest is not known before they have passed. */
export type BlobSink = Pick<LayoutWriter, 'writeBlob'>;

/**
 * Packs a tar archive and stores it as a layer. The default, zstd, unpacks about three times as fast as gzip; of
 * zstd:chunked hosts fetch only the files they lack, and the descriptor carries the annotations that makes possible.
 */
export async function writeLayer(
  sink: BlobSink,
  archive: ByteStream,
  options: CompressOptions & { readonly compression?: LayerFormat } = {},
): Promise<WrittenLayer> {
  const format = options.compression ?? 'zstd';
  const plain = new DigestHasher();
  async function* hashed(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of archive) {
      plain.update(chunk);
      yield chunk;
    }
  }
  const layer = packed(hashed(), format, options);
  const { digest, size } = await sink.writeBlob(layer.stream);
  const annotations = layer.annotations();
  return {
    descriptor: {
      mediaType: layerMediaType(format),
      digest,
      size,
      ...(annotations === undefined ? {} : { annotations }),
    },
    diffId: plain.digest(),
  };
}

function packed(archive: ByteStream, format: LayerFormat, options: CompressOptions): ChunkedLayer {
  if (format === 'zstd:chunked') return compressChunked(archive, options);
  return { stream: compress(archive, format, options), annotations: () => undefined };
}
