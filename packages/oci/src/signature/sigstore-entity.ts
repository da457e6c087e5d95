/** Verifies what sigstore signed: certificate, transparency log, timestamp and signature, in the order its client specification demands. */
import { createHash, X509Certificate as NodeCertificate, timingSafeEqual } from 'node:crypto';
import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import { X509Certificate } from '@sigstore/core';
import { type SignedEntity, toSignedEntity, Verifier } from '@sigstore/verify';
import { messageOf } from '@slipway/core';
import * as z from 'zod';
import type { CosignSignature } from './cosign-signature.ts';
import { isSignedBy, trustedKey } from './public-key.ts';
import { type SigstoreTrust, withIntermediates } from './sigstore-trust.ts';

/** What a verified entity says of its signer. */
export interface VerifiedEntity {
  /** Undefined where the signer has a key and no certificate. */
  readonly certificate: EntityCertificate | undefined;
  /** When the log or a timestamp authority saw it, ISO. */
  readonly seenAt: string | undefined;
}

/** Whom a certificate names. */
export interface EntityCertificate {
  /** Mail address or URI. */
  readonly subject: string;
  /** Who identified the subject: the OIDC issuer. */
  readonly issuer: string | undefined;
  hasEmail(address: string): boolean;
  hasHost(name: string): boolean;
}

type LogEntry = SignedEntity['tlogEntries'][number];

/** `dev.sigstore.cosign/bundle`: what the transparency log promised. */
const rekorBundleSchema = z.object({
  SignedEntryTimestamp: z.base64(),
  Payload: z.object({
    body: z.base64(),
    integratedTime: z.int().min(0),
    logIndex: z.int().min(0),
    logID: z.string().regex(/^[0-9a-f]{64}$/),
  }),
});
const bodySchema = z.object({ kind: z.literal('hashedrekord'), apiVersion: z.string() });

/** RFC 5280, 4.2.1.12: id-kp-codeSigning. */
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';

/**
 * Verifies a signature attached the way cosign does, with its log promise where the trust demands one.
 *
 * @throws Error in words when it does not hold
 */
export function verifyCosign(found: CosignSignature, trust: SigstoreTrust): VerifiedEntity {
  const entry = found.rekorBundle === undefined ? undefined : logEntryOf(found.rekorBundle);
  const hasLogs = trust.material.tlogs.length > 0;
  const entity: SignedEntity = {
    signature: contentOf(found),
    key:
      found.certificate === undefined
        ? { $case: 'public-key', hint: '' }
        : { $case: 'certificate', certificate: X509Certificate.parse(found.certificate) },
    tlogEntries: entry === undefined || !hasLogs ? [] : [entry],
    timestamps: entry === undefined || !hasLogs ? [] : [{ $case: 'transparency-log', tlogEntry: entry }],
  };
  return verifyEntity(entity, withIntermediates(trust, found.chain));
}

/**
 * Verifies a signature by a certificate that must be valid now: no log and no authority says when it was made.
 *
 * @throws Error in words when it does not hold
 */
export function verifyCosignNow(found: CosignSignature, trust: SigstoreTrust, nowMs: number): VerifiedEntity {
  if (found.certificate === undefined) throw new Error('it comes without a certificate');
  // The verifier takes the time of a log's promise for that of signing; this one is ours and goes no further than that.
  const now = {
    integratedTime: String(Math.floor(nowMs / 1000)),
    inclusionPromise: { signedEntryTimestamp: Buffer.alloc(0) },
  };
  const entity: SignedEntity = {
    signature: contentOf(found),
    key: { $case: 'certificate', certificate: X509Certificate.parse(found.certificate) },
    tlogEntries: [],
    timestamps: [{ $case: 'transparency-log', tlogEntry: { ...EMPTY_ENTRY, ...now } }],
  };
  const verified = verifyEntity(entity, withIntermediates(trust, found.chain));
  return { ...verified, seenAt: undefined };
}

/** What a sigstore bundle signs, before anything of it is verified. */
export type BundleContent =
  | { readonly kind: 'message'; readonly sha256: string }
  | { readonly kind: 'envelope'; readonly payloadType: string; readonly payload: Buffer };

/** Reads a bundle (`application/vnd.dev.sigstore.bundle.v0.3+json`, and older ones). */
export function readBundle(bytes: Uint8Array): { readonly bundle: Bundle; readonly content: BundleContent } {
  const bundle = bundleFromJSON(JSON.parse(Buffer.from(bytes).toString('utf8')));
  const { content } = bundle;
  if (content.$case === 'messageSignature') {
    const digest = content.messageSignature.messageDigest.digest.toString('hex');
    return { bundle, content: { kind: 'message', sha256: digest } };
  }
  const { payloadType, payload } = content.dsseEnvelope;
  return { bundle, content: { kind: 'envelope', payloadType, payload } };
}

/**
 * Verifies a bundle.
 *
 * @param artifact what it signs, where that is not in the bundle itself
 * @throws Error in words when it does not hold
 */
export function verifyBundle(
  bundle: Bundle,
  trust: SigstoreTrust,
  artifact: Uint8Array | undefined,
): VerifiedEntity {
  const whole = toSignedEntity(bundle, artifact === undefined ? undefined : Buffer.from(artifact));
  const hasLogs = trust.material.tlogs.length > 0;
  const timestamps = whole.timestamps.filter(({ $case }) => hasLogs || $case !== 'transparency-log');
  return verifyEntity({ ...whole, timestamps, tlogEntries: hasLogs ? whole.tlogEntries : [] }, trust);
}

function verifyEntity(entity: SignedEntity, { material, thresholds }: SigstoreTrust): VerifiedEntity {
  const verifier = new Verifier(material, {
    ctlogThreshold: entity.key.$case === 'certificate' ? thresholds.ctlog : 0,
    tlogThreshold: thresholds.tlog,
    timestampThreshold: thresholds.timestamp,
  });
  const { identity } = verifier.verify(entity);
  return {
    certificate:
      entity.key.$case === 'certificate' ? certificateOf(entity.key.certificate, identity) : undefined,
    seenAt: seenAt(entity),
  };
}

function certificateOf(
  certificate: X509Certificate,
  identity:
    | { readonly subjectAlternativeName?: string; readonly extensions?: { readonly issuer?: string } }
    | undefined,
): EntityCertificate {
  const parsed = new NodeCertificate(certificate.root.toDER());
  // RFC 5280, 4.1.1.2: the algorithm stands there twice, and only once under the signature.
  const [said, signed] = [certificate.root.subs[1]?.toDER(), certificate.tbsCertificate.subs[2]?.toDER()];
  if (said === undefined || signed === undefined || !said.equals(signed)) {
    throw new Error('its certificate names two algorithms');
  }
  // X.690, 8.6.2.2: the count of bits to leave out, which for a signature is none and which nothing signs.
  if (certificate.root.subs[2]?.value[0] !== 0)
    throw new Error('the signature of its certificate is no whole number of bytes');
  // A certificate of the same authority for a server must not sign code.
  if (!(parsed.keyUsage ?? []).includes(CODE_SIGNING))
    throw new Error('its certificate is not for signing code');
  return {
    subject: identity?.subjectAlternativeName ?? '',
    issuer: identity?.extensions?.issuer,
    hasEmail: (address) => parsed.checkEmail(address, { subject: 'never' }) !== undefined,
    hasHost: (name) => parsed.checkHost(name, { subject: 'never' }) !== undefined,
  };
}

function seenAt({ timestamps }: SignedEntity): string | undefined {
  const [first] = timestamps;
  if (first === undefined) return undefined;
  if (first.$case === 'timestamp-authority') return first.timestamp.signingTime.toISOString();
  return new Date(Number(first.tlogEntry.integratedTime) * 1000).toISOString();
}

function contentOf({ payload, signature }: CosignSignature): SignedEntity['signature'] {
  const digest = createHash('sha256').update(payload).digest();
  return {
    signature,
    compareSignature: (other) => isEqual(other, signature),
    compareDigest: (other) => isEqual(other, digest),
    compareSignedDigest: (other) => isEqual(other, digest),
    verifySignature: (key) => isSignedBy(trustedKey(key, ''), payload, signature),
  };
}

function logEntryOf(text: string): LogEntry {
  const { SignedEntryTimestamp, Payload } = rekorBundleSchema.parse(json(text));
  const body = Buffer.from(Payload.body, 'base64');
  const { kind, apiVersion } = bodySchema.parse(json(body.toString('utf8')));
  return {
    ...EMPTY_ENTRY,
    logIndex: String(Payload.logIndex),
    logId: { keyId: Buffer.from(Payload.logID, 'hex') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(Payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: Buffer.from(SignedEntryTimestamp, 'base64') },
    canonicalizedBody: body,
  };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`its transparency log entry is not JSON: ${messageOf(cause)}`, { cause });
  }
}

const EMPTY_ENTRY: LogEntry = {
  logIndex: '0',
  logId: { keyId: Buffer.alloc(0) },
  kindVersion: { kind: '', version: '' },
  integratedTime: '0',
  inclusionPromise: undefined,
  inclusionProof: undefined,
  canonicalizedBody: Buffer.alloc(0),
};

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
