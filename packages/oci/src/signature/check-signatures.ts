/** Whether the signatures of an image are by somebody who is trusted. */
import { messageOf } from '@slipway/core';
import type { CosignSignature } from './cosign-signature.ts';
import type { Found, FoundSignatures } from './found-signatures.ts';
import { isSignedBy, type TrustedKey } from './public-key.ts';
import type { SignatureOutcome, Signer } from './signer.ts';
import { checkBundle, type SignedDocument } from './sigstore-bundles.ts';
import type { EntityCertificate, VerifiedEntity } from './sigstore-entity.ts';
import { type SigstoreTrust, trustOf, withKey } from './sigstore-trust.ts';
import { parsePayload } from './simple-signing.ts';

/** Whom to trust with sigstore's signatures. */
export type SigstoreSignerTrust =
  /** The holders of keys; with `logs`, only what a transparency log has seen. */
  | { readonly kind: 'keys'; readonly keys: readonly TrustedKey[]; readonly logs: SigstoreTrust | undefined }
  /** Somebody an authority identifies, at the time a witness saw the signature. */
  | {
      readonly kind: 'identity';
      readonly trust: SigstoreTrust;
      /** A problem in words when it is somebody else. */
      readonly problem: (certificate: EntityCertificate) => string | undefined;
    }
  /** The same with a certificate that must be valid now. */
  | {
      readonly kind: 'certificate';
      readonly trust: SigstoreTrust;
      readonly nowMs: number;
      readonly problem: (certificate: EntityCertificate) => string | undefined;
    };

/** Judges every signature cosign or sigstore attached to an image. The name it was signed under is for the caller to judge. */
export async function checkSigstoreSignatures(
  found: FoundSignatures,
  trust: SigstoreSignerTrust,
): Promise<readonly SignatureOutcome[]> {
  const outcomes: SignatureOutcome[] = [];
  for (const each of await found.cosign()) outcomes.push(await checkCosign(each, trust));
  for (const { document, signature } of await found.bundles()) {
    const outcome = await checkOneBundle(signature, document, trust);
    if (outcome !== undefined) outcomes.push(outcome);
  }
  return outcomes;
}

/** Signature first, then what it says: nothing unsigned is read. */
async function checkCosign(
  { document, signature }: Found<CosignSignature>,
  trust: SigstoreSignerTrust,
): Promise<SignatureOutcome> {
  const format = 'cosign';
  const signed = await verifySigner(signature, trust);
  if (typeof signed === 'string') return rejected(format, signed);
  const payload = await parsePayload(signature.payload, 'cosign container image signature');
  if (typeof payload === 'string') return rejected(format, payload);
  if (payload.manifestDigest !== document.digest) {
    return rejected(format, `it is of another image, ${payload.manifestDigest}`);
  }
  return {
    kind: 'accepted',
    signature: {
      format,
      signer: signed.signer,
      signedDigest: document.digest,
      dockerReference: payload.dockerReference,
      seenAt: signed.seenAt,
      annotations: payload.optional,
    },
  };
}

interface VerifiedSigner {
  readonly signer: Signer;
  readonly seenAt: string | undefined;
}

async function verifySigner(
  signature: CosignSignature,
  trust: SigstoreSignerTrust,
): Promise<VerifiedSigner | string> {
  try {
    if (trust.kind === 'keys') return await verifyWithKeys(signature, trust.keys, trust.logs);
    if (signature.certificate === undefined) return 'it was made with a key, not with a certificate';
    const { verifyCosign, verifyCosignNow } = await import('./sigstore-entity.ts');
    const entity =
      trust.kind === 'identity'
        ? verifyCosign(signature, trust.trust)
        : verifyCosignNow(signature, trust.trust, trust.nowMs);
    return identified(entity, trust.problem);
  } catch (thrown) {
    return messageOf(thrown);
  }
}

async function verifyWithKeys(
  signature: CosignSignature,
  keys: readonly TrustedKey[],
  logs: SigstoreTrust | undefined,
): Promise<VerifiedSigner | string> {
  const key = keys.find((each) => isSignedBy(each, signature.payload, signature.signature));
  if (key === undefined) return 'it is not by a key that is trusted';
  if (logs === undefined) return { signer: signerOfKey(key), seenAt: undefined };
  const { verifyCosign } = await import('./sigstore-entity.ts');
  const { seenAt } = verifyCosign({ ...signature, certificate: undefined }, withKey(logs, key));
  return { signer: signerOfKey(key), seenAt };
}

function identified(
  { certificate, seenAt }: VerifiedEntity,
  problemOf: (certificate: EntityCertificate) => string | undefined,
): VerifiedSigner | string {
  if (certificate === undefined) return 'it was made with a key, not with a certificate';
  const problem = problemOf(certificate);
  if (problem !== undefined) return problem;
  return {
    signer: { kind: 'certificate', subject: certificate.subject, issuer: certificate.issuer },
    seenAt,
  };
}

async function checkOneBundle(
  bytes: Uint8Array,
  document: SignedDocument,
  trust: SigstoreSignerTrust,
): Promise<SignatureOutcome | undefined> {
  const format = 'sigstore-bundle';
  let problem = 'it is not by a key that is trusted';
  for (const attempt of attemptsOf(trust)) {
    const verified = await checkBundle(bytes, document, attempt.trust);
    if (verified === undefined) return undefined;
    if (typeof verified === 'string') {
      problem = attempt.key === undefined ? verified : problem;
      continue;
    }
    const signed =
      attempt.key !== undefined && verified.entity.certificate === undefined
        ? { signer: signerOfKey(attempt.key), seenAt: verified.entity.seenAt }
        : trust.kind === 'keys'
          ? 'it was made with a certificate, not with a key'
          : identified(verified.entity, trust.problem);
    if (typeof signed === 'string') return rejected(format, signed);
    const { name, annotations } = verified;
    const signature = {
      format,
      ...signed,
      signedDigest: document.digest,
      dockerReference: name,
      annotations,
    } as const;
    return { kind: 'accepted', signature };
  }
  return rejected(format, problem);
}

/** A bundle says by a hint only which key it is by: each is tried. */
function attemptsOf(
  trust: SigstoreSignerTrust,
): readonly { readonly trust: SigstoreTrust; readonly key: TrustedKey | undefined }[] {
  if (trust.kind === 'identity') return [{ trust: trust.trust, key: undefined }];
  // Without a witness nobody says when a bundle was signed; a certificate that is good today is no answer to that.
  if (trust.kind === 'certificate') return [];
  const logs = trust.logs ?? trustOf([], []);
  return trust.keys.map((key) => ({ trust: withKey(logs, key), key }));
}

function signerOfKey({ name, fingerprint }: TrustedKey): Signer {
  return { kind: 'key', name, fingerprint };
}

function rejected(format: 'cosign' | 'sigstore-bundle', problem: string): SignatureOutcome {
  return { kind: 'rejected', signature: { format, problem } };
}
