import { SlipwayError } from '@slipway/core';
import type { Descriptor, Digest, ResolvedImage } from './image.ts';
import { parseImageConfig, parseManifest, pickPlatform } from './manifest.ts';

/** Where {@link resolveImage} gets its documents; whoever implements it verifies digests and sizes. */
export interface DocumentReader {
  /** For messages: the reference as a user would type it. */
  readonly name: string;
  /** What the reference itself names: a manifest or an index. */
  top(): Promise<{ readonly bytes: Uint8Array; readonly digest: Digest }>;
  /** A manifest an index names. */
  manifest(descriptor: Descriptor): Promise<Uint8Array>;
  config(descriptor: Descriptor): Promise<Uint8Array>;
}

/** Indexes may hold indexes; nobody nests deeper than this. */
const MAX_DEPTH = 4;

/**
 * Follows a reference to the image of one platform, whatever it names on the way.
 *
 * @throws SlipwayError OCI_PLATFORM_MISSING, OCI_MANIFEST_INVALID, and what the reader throws
 */
export async function resolveImage(reader: DocumentReader, architecture: string): Promise<ResolvedImage> {
  const top = await reader.top();
  let bytes = top.bytes;
  let digest = top.digest;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const document = await parseManifest(bytes, reader.name);
    if (document.kind === 'manifest') {
      const { manifest } = document;
      const configBytes = await reader.config(manifest.config);
      const config = await parseImageConfig(configBytes, manifest, reader.name);
      return {
        referenceDigest: top.digest,
        manifestDigest: digest,
        manifestBytes: bytes,
        manifest,
        configBytes,
        config,
      };
    }
    const picked = pickPlatform(document.manifests, architecture, reader.name);
    bytes = await reader.manifest(picked);
    digest = picked.digest;
  }
  throw new SlipwayError(
    'OCI_MANIFEST_INVALID',
    `cannot use ${reader.name}: its indexes are nested deeper than ${MAX_DEPTH}`,
  );
}
