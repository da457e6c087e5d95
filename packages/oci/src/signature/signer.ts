import type { Digest } from '../image.ts';

/** Who signed. */
export type Signer =
  /** The holder of a key; `fingerprint` is SHA-256 of the public key as DER. */
  | { readonly kind: 'key'; readonly name: string; readonly fingerprint: string }
  /** Somebody a certificate authority identified: a mail address or the URI of a workload, and who vouched for it. */
  | { readonly kind: 'certificate'; readonly subject: string; readonly issuer: string | undefined }
  /** The holder of an OpenPGP key. */
  | { readonly kind: 'gpg'; readonly fingerprint: string; readonly userId: string };

/** A signature that holds. */
export interface AcceptedSignature {
  readonly format: 'cosign' | 'sigstore-bundle' | 'simple-signing';
  readonly signer: Signer;
  /** What was signed: the manifest of the image, or the index it is in. */
  readonly signedDigest: Digest;
  /** The name the image was signed under, where the signature says one. */
  readonly dockerReference: string | undefined;
  /** When a transparency log or a timestamp authority saw the signature, ISO time. */
  readonly seenAt: string | undefined;
  /** What the signer added. */
  readonly annotations: Readonly<Record<string, unknown>>;
}

/** A signature that does not hold, and why, in words. */
export interface RejectedSignature {
  readonly format: AcceptedSignature['format'];
  readonly problem: string;
}

/** What became of one signature. */
export type SignatureOutcome =
  | { readonly kind: 'accepted'; readonly signature: AcceptedSignature }
  | { readonly kind: 'rejected'; readonly signature: RejectedSignature };

/** A signer in words: `ann@example.org (by https://accounts.example)`. */
export function signerWords(signer: Signer): string {
  if (signer.kind === 'key') return `key ${signer.name}`;
  if (signer.kind === 'gpg') return `${signer.userId} (OpenPGP ${signer.fingerprint})`;
  return signer.issuer === undefined ? signer.subject : `${signer.subject} (by ${signer.issuer})`;
}
