import { type ByteStream, isoTime, type Operation, startTask } from '@slipway/core';
import {
  type Digest,
  type LayoutReference,
  type LayoutWriter,
  MEDIA_TYPES,
  openLayoutWriter,
  type WrittenLayer,
  writeLayer,
} from '@slipway/oci';

/** An image to write into a layout: its layers are streamed once, in order. */
export interface ImageToWrite {
  readonly reference: LayoutReference;
  readonly layers: readonly { readonly name: string; readonly tar: () => ByteStream }[];
  /** As Go writes it. */
  readonly architecture: string;
  readonly createdSec: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** A layer of a {@link BuiltImage}. */
export interface BuiltLayer {
  readonly name: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly uncompressedBytes: number;
}

/** An image that is in its layout now. */
export interface BuiltImage {
  readonly digest: Digest;
  /** Compressed layers together: what travels. */
  readonly sizeBytes: number;
  readonly layers: readonly BuiltLayer[];
}

/** A base is packed once and fetched by every host. */
const LAYER_LEVEL = 6;

/**
 * Writes layers, configuration and manifest, and the tag last: until then the layout shows nothing new, and what an
 * interrupted run left is overwritten with the same bytes by the next.
 */
export async function writeImage(image: ImageToWrite, work: Operation): Promise<BuiltImage> {
  await using layout = await openLayoutWriter(image.reference.path);
  const written: (BuiltLayer & WrittenLayer)[] = [];
  for (const layer of image.layers) written.push(await writeNamedLayer(layout, layer, work));
  const digest = await writeDocuments(layout, image, written);
  return {
    digest,
    sizeBytes: written.reduce((sum, layer) => sum + layer.sizeBytes, 0),
    layers: written.map(({ name, digest, sizeBytes, uncompressedBytes }) => ({
      name,
      digest,
      sizeBytes,
      uncompressedBytes,
    })),
  };
}

async function writeNamedLayer(
  layout: LayoutWriter,
  layer: ImageToWrite['layers'][number],
  work: Operation,
): Promise<BuiltLayer & WrittenLayer> {
  const task = startTask(work.progress, `layer ${layer.name}`, 'bytes');
  let uncompressedBytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of layer.tar()) {
      work.signal.throwIfAborted();
      uncompressedBytes += chunk.length;
      task.advance(chunk.length);
      yield chunk;
    }
  }
  const written = await writeLayer(layout, counted(), { level: LAYER_LEVEL });
  task.end();
  const { digest, size: sizeBytes } = written.descriptor;
  return { ...written, name: layer.name, digest, sizeBytes, uncompressedBytes };
}

async function writeDocuments(
  layout: LayoutWriter,
  image: ImageToWrite,
  layers: readonly (BuiltLayer & WrittenLayer)[],
): Promise<Digest> {
  const config = Buffer.from(JSON.stringify(configOf(image, layers)));
  const { digest, size } = await layout.writeBlob(once(config));
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: { mediaType: MEDIA_TYPES.config, digest, size },
    layers: layers.map((layer) => ({
      ...layer.descriptor,
      annotations: { 'org.opencontainers.image.title': layer.name },
    })),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return await layout.putManifest(bytes, MEDIA_TYPES.manifest, image.reference.tag ?? 'latest');
}

function configOf(image: ImageToWrite, layers: readonly WrittenLayer[]): object {
  const created = isoTime({ nowMs: () => image.createdSec * 1000 });
  return {
    created,
    architecture: image.architecture,
    os: 'linux',
    // For the containers an image is built and tested in; a host starts systemd whatever stands here.
    config: {
      Cmd: ['/sbin/init'],
      Env: [
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'DEBIAN_FRONTEND=noninteractive',
      ],
      StopSignal: 'SIGRTMIN+3',
      Labels: image.labels,
    },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: image.layers.map(({ name }) => ({ created, created_by: `slipway base build: ${name}` })),
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
