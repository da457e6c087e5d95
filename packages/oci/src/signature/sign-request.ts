import type { Descriptor, Digest } from '../image.ts';
import type { LayoutReference, RegistryReference } from '../reference.ts';
import type { SigningKey } from './private-key.ts';

/** How a signature is kept: `cosign` under a tag, for podman, skopeo and every cosign; `bundle` as a referrer, for cosign 3. */
export type SignatureFormat = 'cosign' | 'bundle';

/** What to sign, and how. */
export interface SignRequest {
  /** Where the image is, and where the signature goes. */
  readonly reference: RegistryReference | LayoutReference;
  /** What is signed: a manifest or an index that is there. */
  readonly subject: Descriptor;
  /** The name to sign it under: `host/name:tag`. */
  readonly identity: string;
  readonly key: SigningKey;
  readonly formats: readonly SignatureFormat[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A signature that was attached. */
export interface AttachedSignature {
  readonly format: SignatureFormat;
  /** Of the manifest that holds it. */
  readonly digest: Digest;
  /** The tag it is under; undefined for a referrer. */
  readonly tag: string | undefined;
}
