import type { ByteStream, OperationOptions } from '@slipway/core';

/** `sha256:<64 hex>` or `sha512:<128 hex>`, checked when made (`parseDigest`). */
export type Digest = string & { readonly __brand: 'Digest' };

/** A pointer to a blob: what it is, its digest and exact size (image-spec descriptor). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  /** What a manifest is about, where a list of referrers says so. */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly architecture: string; readonly os: string; readonly variant?: string };
}

/** An image manifest; OCI and Docker schema 2 read alike. */
export interface Manifest {
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** The parts of an image configuration Slipway reads. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  /** ISO time, if the image says. */
  readonly created: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Digests of the uncompressed layers, in the order of the manifest's layers. */
  readonly diffIds: readonly Digest[];
}

/** One image of one platform, resolved: everything known, no layer read yet. */
export interface ResolvedImage {
  /** What the reference pointed at, and `resolveDigest` answers: the digest of the index if there is one, else of the manifest. */
  readonly referenceDigest: Digest;
  /** Digest of the manifest of this platform. */
  readonly manifestDigest: Digest;
  readonly manifestBytes: Uint8Array;
  readonly manifest: Manifest;
  readonly configBytes: Uint8Array;
  readonly config: ImageConfig;
}

/** How images are kept in a place, as the prefix of a reference says it (containers-transports(5)). */
export type Transport = 'registry' | 'oci' | 'oci-archive' | 'docker-archive' | 'containers-storage' | 'dir';

/** How to read a blob. */
export interface OpenBlobOptions extends OperationOptions {
  /** The reader has no use for a chunk any more when it asks for the next one, which may then lie in its place. Default: chunks stay. */
  readonly reuseChunks?: boolean;
}

/** Bytes of a blob, from the first to before the last. */
export interface BlobRange {
  readonly startBytes: number;
  readonly endBytes: number;
}

/** Somewhere images are read from. Contract of every transport. */
export interface ImageSource extends AsyncDisposable {
  /** All but `registry` are on this machine. */
  readonly transport: Transport;
  /** For messages: the reference as a user would type it. */
  readonly name: string;
  /**
   * Reads manifest and configuration, verified against their digests.
   *
   * @param architecture as Go writes it (`amd64`, `arm64`); picks from an index
   */
  resolve(architecture: string, options?: OperationOptions): Promise<ResolvedImage>;
  /** Digest the tag points at now, by the cheapest request there is (one HEAD). */
  resolveDigest(options?: OperationOptions): Promise<Digest>;
  /**
   * Bytes of a blob from `offsetBytes` on, retried and resumed inside, NOT verified when the offset is not 0:
   * callers hash what they put together. From 0 the end of the stream throws OCI_DIGEST_MISMATCH when the digest is wrong.
   */
  openBlob(descriptor: Descriptor, offsetBytes?: number, options?: OpenBlobOptions): ByteStream;
  /**
   * Parts of a blob, one after the other, in one request where that can be had, retried and resumed inside, NOT verified. Only where
   * fetching less is worth something: registries.
   *
   * @param ranges in the order of the blob, none empty, none overlapping; so few that one header can name them
   * @throws SlipwayError OCI_RANGES_UNSUPPORTED when only whole blobs can be had, and what {@link openBlob} throws
   */
  openBlobParts?(
    descriptor: Descriptor,
    ranges: readonly BlobRange[],
    options?: OperationOptions,
  ): ByteStream;
}

/** A manifest or index, byte for byte. */
export interface ImageDocument {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  /** What it says it is, else what its fields say. */
  readonly mediaType: string;
}

/** A source that also gives documents as they stand there, so that an index can be copied with all its images. */
export interface WholeImageSource extends ImageSource {
  /**
   * The manifest or index the reference names, or with a digest one that index names. Verified.
   *
   * @throws SlipwayError OCI_NOT_FOUND, OCI_DIGEST_MISMATCH, OCI_MANIFEST_INVALID
   */
  readDocument(digest?: Digest, options?: OperationOptions): Promise<ImageDocument>;
}
