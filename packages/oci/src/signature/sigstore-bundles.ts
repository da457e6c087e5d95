/** Signatures attached as referrers: sigstore bundles (media type `application/vnd.dev.sigstore.bundle.v0.3+json`), as cosign writes them since version 3. */
import { messageOf, type OperationOptions } from '@slipway/core';
import { digestAlgorithm, digestHex } from '../digest.ts';
import type { Digest } from '../image.ts';
import type { AttachedManifest, Attachments } from './attachments.ts';
import type { VerifiedEntity } from './sigstore-entity.ts';
import type { SigstoreTrust } from './sigstore-trust.ts';

/** Artefact type and media type of a bundle. */
export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
/** What a statement must be to be a signature: not every statement about an image vouches for it. */
export const COSIGN_SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';
export const IN_TOTO_TYPE = 'application/vnd.in-toto+json';

const MAX_BUNDLE_BYTES = 4 * 2 ** 20;

/** A bundle that holds, and what it says. */
export interface VerifiedBundle {
  readonly entity: VerifiedEntity;
  /** The name of the subject, where the signer gave one. */
  readonly name: string | undefined;
  readonly annotations: Readonly<Record<string, unknown>>;
}

/** Reads the bundles that refer to a manifest. */
export async function readBundles(
  attachments: Attachments,
  signed: Digest,
  options: OperationOptions = {},
): Promise<readonly Uint8Array[]> {
  const bundles: Uint8Array[] = [];
  for (const attached of await attachments.referrers(signed, BUNDLE_TYPE, options)) {
    const bytes = await readBundleOf(attachments, attached, options);
    if (bytes !== undefined) bundles.push(bytes);
  }
  return bundles;
}

/** The bundle of a referrer; undefined when it holds none. */
export async function readBundleOf(
  attachments: Attachments,
  { manifest }: AttachedManifest,
  options: OperationOptions,
): Promise<Uint8Array | undefined> {
  const [layer] = manifest.layers;
  if (layer?.mediaType !== BUNDLE_TYPE || layer.size > MAX_BUNDLE_BYTES) return undefined;
  return await attachments.blob(layer, MAX_BUNDLE_BYTES, options);
}

/** A signed document: its digest and, where a bundle signs the bytes themselves, those. */
export interface SignedDocument {
  readonly digest: Digest;
  /** Undefined where they are not at hand. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * Verifies a bundle and that it is about a document.
 *
 * @returns a problem in words when it does not hold; undefined when it is about the document but is no signature of it
 */
export async function checkBundle(
  bytes: Uint8Array,
  document: SignedDocument,
  trust: SigstoreTrust,
): Promise<VerifiedBundle | string | undefined> {
  const { readBundle, verifyBundle } = await import('./sigstore-entity.ts');
  try {
    const { bundle, content } = readBundle(bytes);
    if (content.kind === 'message') {
      if (digestAlgorithm(document.digest) !== 'sha256' || content.sha256 !== digestHex(document.digest)) {
        return 'it is about something else';
      }
      if (document.bytes === undefined) return 'what it signs is not at hand';
      const entity = verifyBundle(bundle, trust, document.bytes);
      return { entity, name: undefined, annotations: {} };
    }
    if (content.payloadType !== IN_TOTO_TYPE) return undefined;
    const { statementSchema } = await import('./statement-schema.ts');
    const statement = statementSchema.safeParse(JSON.parse(content.payload.toString('utf8')));
    if (!statement.success) return 'it holds no statement';
    const { subject, predicateType, annotations } = statement.data;
    if (predicateType !== COSIGN_SIGN_PREDICATE) return undefined;
    const about = subject.find(
      ({ digest }) => digest[digestAlgorithm(document.digest)] === digestHex(document.digest),
    );
    if (about === undefined) return 'it is about something else';
    const entity = verifyBundle(bundle, trust, undefined);
    return { entity, name: about.name, annotations: about.annotations ?? annotations ?? {} };
  } catch (thrown) {
    return messageOf(thrown);
  }
}
