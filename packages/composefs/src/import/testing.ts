import type { ByteStream } from '@slipway/core';
import {
  type Descriptor,
  type Digest,
  digestOf,
  type ImageSource,
  type ResolvedImage,
  type TarInput,
  writeTar,
} from '@slipway/oci';

/** A tar member with everything a test does not care about filled in. */
export function member(
  path: string,
  fields: Partial<TarInput> & { readonly bytes?: Uint8Array } = {},
): TarInput {
  const { bytes, ...rest } = fields;
  const body = bytes === undefined ? {} : { body: [bytes] };
  const kind = path.endsWith('/') ? 'directory' : 'file';
  return {
    kind,
    path,
    linkTarget: '',
    mode: kind === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: bytes?.length ?? 0,
    mtimeSec: 1_700_000_000,
    mtimeNsec: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
    ...rest,
    ...body,
  };
}

/** A regular file with this text. */
export function file(path: string, text: string, fields: Partial<TarInput> = {}): TarInput {
  return member(path, { bytes: Buffer.from(text, 'latin1'), ...fields });
}

/** A symlink or, by `kind`, a hard link. */
export function link(path: string, linkTarget: string, kind: 'symlink' | 'hardlink' = 'symlink'): TarInput {
  return member(path, { kind, linkTarget, mode: 0o777 });
}

/** An image in memory, its layers uncompressed. */
export interface TestImage {
  readonly source: ImageSource & { readonly opened: readonly Digest[] };
  readonly resolved: ResolvedImage;
}

/** Builds an image of layers of tar members. */
export async function testImage(layers: readonly (readonly TarInput[])[]): Promise<TestImage> {
  const archives: Buffer[] = [];
  for (const members of layers) archives.push(await bytesOf(writeTar(members)));
  return imageOfArchives(archives);
}

/** Builds an image of layers given as archives. */
export function imageOfArchives(archives: readonly Buffer[]): TestImage {
  const blobs = new Map(archives.map((archive) => [digestOf(archive), archive] as const));
  const diffIds = archives.map((archive) => digestOf(archive));
  const descriptors = archives.map((archive) =>
    descriptorOf(archive, 'application/vnd.oci.image.layer.v1.tar'),
  );
  const configBytes = Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } }),
  );
  const config = { architecture: 'amd64', os: 'linux', created: undefined, labels: {}, diffIds };
  const manifest = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptorOf(configBytes, 'application/vnd.oci.image.config.v1+json'),
    layers: descriptors,
    annotations: {},
  };
  const manifestBytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...manifest }));
  const manifestDigest = digestOf(manifestBytes);
  const resolved = {
    referenceDigest: manifestDigest,
    manifestDigest,
    manifestBytes,
    manifest,
    configBytes,
    config,
  };
  return { source: new MemorySource(blobs, resolved), resolved };
}

function descriptorOf(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** Blobs from memory, in small pieces so that members straddle them; remembers what was asked for. */
class MemorySource implements ImageSource {
  readonly transport = 'oci';
  readonly name = 'memory';
  readonly opened: Digest[] = [];
  readonly #blobs: ReadonlyMap<Digest, Buffer>;
  readonly #resolved: ResolvedImage;

  constructor(blobs: ReadonlyMap<Digest, Buffer>, resolved: ResolvedImage) {
    this.#blobs = blobs;
    this.#resolved = resolved;
  }

  async resolve(): Promise<ResolvedImage> {
    return this.#resolved;
  }

  async resolveDigest(): Promise<Digest> {
    return this.#resolved.manifestDigest;
  }

  async *openBlob(descriptor: Descriptor, offsetBytes = 0): AsyncGenerator<Uint8Array> {
    this.opened.push(descriptor.digest);
    const blob = this.#blobs.get(descriptor.digest) ?? Buffer.alloc(0);
    for (let at = offsetBytes; at < blob.length; at += 10_000) yield blob.subarray(at, at + 10_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is open between calls.
  }
}

/** Everything a stream yields. */
export async function bytesOf(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
