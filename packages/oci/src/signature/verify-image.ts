/** Verifies the signatures of an image by what the caller trusts, whatever a policy says: what `cosign verify` does. */
import { type OperationOptions, SlipwayError } from '@slipway/core';
import type { ResolvedImage } from '../image.ts';
import { formatReference, type Reference } from '../reference.ts';
import type { SigstoreSignerTrust } from './check-signatures.ts';
import { FoundSignatures, type SignaturePlaceOptions } from './found-signatures.ts';
import type { TrustedKey } from './public-key.ts';
import type { AcceptedSignature, RejectedSignature } from './signer.ts';
import type { EntityCertificate } from './sigstore-entity.ts';

/** Whom to accept. */
export type TrustedSigner =
  /** The holder of one of these keys; with a trusted root, only what its transparency log has seen. */
  | {
      readonly kind: 'keys';
      readonly keys: readonly TrustedKey[];
      readonly trustedRoot?: NamedText | undefined;
    }
  /** Whom an authority of the trusted root identified. */
  | {
      readonly kind: 'identity';
      readonly trustedRoot: NamedText;
      readonly subject: IdentityPattern;
      readonly issuer: IdentityPattern;
    };

/** A text and where it is from. */
export interface NamedText {
  readonly text: string;
  readonly source: string;
}

/** An exact text, or an expression the whole of it must fit. */
export type IdentityPattern = { readonly exactly: string } | { readonly matching: RegExp };

/** What was found on an image. */
export interface VerifiedSignatures {
  /** At least one. */
  readonly accepted: readonly AcceptedSignature[];
  readonly rejected: readonly RejectedSignature[];
}

/**
 * Reads and judges every signature attached to an image; those that hold are answered. Nothing is asked of any network but the
 * place the image is in.
 *
 * @param annotations what a signature must say besides
 * @throws SlipwayError SIGNATURE_REFUSED when none holds, SIGNATURE_KEY_INVALID, and what reading signatures throws
 */
export async function verifyImage(
  reference: Reference,
  image: ResolvedImage,
  signer: TrustedSigner,
  annotations: Readonly<Record<string, string>> = {},
  options: SignaturePlaceOptions & OperationOptions = {},
): Promise<VerifiedSignatures> {
  const { checkSigstoreSignatures } = await import('./check-signatures.ts');
  const trust = await trustOfSigner(signer);
  await using found = new FoundSignatures(reference, image, options);
  const accepted: AcceptedSignature[] = [];
  const rejected: RejectedSignature[] = [];
  for (const outcome of await checkSigstoreSignatures(found, trust)) {
    if (outcome.kind === 'rejected') {
      rejected.push(outcome.signature);
      continue;
    }
    const { signature } = outcome;
    const problem = annotationProblem(signature, annotations);
    if (problem === undefined) accepted.push(signature);
    else rejected.push({ format: signature.format, problem });
  }
  if (accepted.length > 0) return { accepted, rejected };
  throw new SlipwayError(
    'SIGNATURE_REFUSED',
    `cannot trust ${formatReference(reference)}: ${whyNot(rejected)}`,
    {
      findings: rejected.map(({ format, problem }) => `a ${format} signature: ${problem}`),
      details: { digest: image.referenceDigest },
    },
  );
}

function whyNot(rejected: readonly RejectedSignature[]): string {
  return rejected.length === 0 ? 'it has no signature' : 'none of its signatures is one of those asked for';
}

async function trustOfSigner(signer: TrustedSigner): Promise<SigstoreSignerTrust> {
  const { parseTrustedRoot } = await import('./sigstore-trust.ts');
  const { trustedRoot } = signer;
  const root = trustedRoot === undefined ? undefined : parseTrustedRoot(trustedRoot.text, trustedRoot.source);
  if (signer.kind === 'keys') return { kind: 'keys', keys: signer.keys, logs: root };
  const trust = root ?? parseTrustedRoot(signer.trustedRoot.text, signer.trustedRoot.source);
  const { subject, issuer } = signer;
  return { kind: 'identity', trust, problem: (certificate) => identityProblem(certificate, subject, issuer) };
}

function identityProblem(
  certificate: EntityCertificate,
  subject: IdentityPattern,
  issuer: IdentityPattern,
): string | undefined {
  if (!fits(issuer, certificate.issuer ?? '')) {
    return `${certificate.issuer ?? 'nobody'} identified its signer, not ${patternWords(issuer)}`;
  }
  return fits(subject, certificate.subject)
    ? undefined
    : `it is by ${certificate.subject}, not by ${patternWords(subject)}`;
}

function fits(pattern: IdentityPattern, text: string): boolean {
  if ('exactly' in pattern) return pattern.exactly === text;
  const match = pattern.matching.exec(text);
  return match !== null && match[0] === text;
}

function patternWords(pattern: IdentityPattern): string {
  return 'exactly' in pattern ? pattern.exactly : `one that fits ${pattern.matching.source}`;
}

function annotationProblem(
  { annotations }: AcceptedSignature,
  wanted: Readonly<Record<string, string>>,
): string | undefined {
  const missing = Object.entries(wanted).find(([name, value]) => annotations[name] !== value);
  return missing === undefined ? undefined : `it does not say ${missing[0]}=${missing[1]}`;
}
