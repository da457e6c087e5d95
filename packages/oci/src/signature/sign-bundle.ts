/** Signatures in the form of sigstore bundles: a signed in-toto statement, attached as a referrer. */
import type { OperationOptions } from '@slipway/core';
import { digestAlgorithm, digestHex, digestOf } from '../digest.ts';
import { EMPTY_CONFIG } from '../empty-config.ts';
import type { Digest } from '../image.ts';
import { openLayoutWriter } from '../layout/writer.ts';
import { MEDIA_TYPES } from '../manifest.ts';
import type { LayoutReference, RegistryReference } from '../reference.ts';
import type { RegistryOptions } from '../registry/source.ts';
import type { ImageTarget } from '../target.ts';
import { openAttachments, storedTag } from './attachments.ts';
import type { SigningKey } from './private-key.ts';
import { streamOf } from './put-bytes.ts';
import type { AttachedSignature, SignRequest } from './sign-request.ts';
import { BUNDLE_TYPE, COSIGN_SIGN_PREDICATE, IN_TOTO_TYPE, readBundleOf } from './sigstore-bundles.ts';

/** Attaches a bundle, unless the same is there already. */
export async function signByReferrer(
  request: SignRequest,
  target: ImageTarget,
  options: RegistryOptions & OperationOptions,
): Promise<AttachedSignature> {
  const { reference, subject, key } = request;
  const payload = statementFor(request);
  await using attachments = await openAttachments(reference, options);
  for (const attached of await attachments.referrers(subject.digest, BUNDLE_TYPE, options)) {
    const bytes = await readBundleOf(attachments, attached, options);
    if (bytes !== undefined && isSameBundle(bytes, payload, key)) {
      return { format: 'bundle', digest: attached.digest, tag: undefined };
    }
  }
  return await attachBundle(request, keyBundle(payload, key), target, options);
}

/** ECDSA signatures differ each time: the same statement by the same key is the same signature. */
function isSameBundle(bytes: Uint8Array, payload: Buffer, key: SigningKey): boolean {
  const { dsseEnvelope } = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
    dsseEnvelope?: { payload?: unknown; signatures?: readonly { sig?: unknown }[] };
  };
  const sig = dsseEnvelope?.signatures?.[0]?.sig;
  if (dsseEnvelope?.payload !== payload.toString('base64') || typeof sig !== 'string') return false;
  return key.verifies(preAuthenticated(IN_TOTO_TYPE, payload), Buffer.from(sig, 'base64'));
}

/** The statement that this name is this digest. */
function statementFor({ subject, identity, annotations }: SignRequest): Buffer {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      {
        name: identity,
        digest: { [digestAlgorithm(subject.digest)]: digestHex(subject.digest) },
        ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
      },
    ],
    predicateType: COSIGN_SIGN_PREDICATE,
    predicate: {},
  };
  return Buffer.from(JSON.stringify(statement), 'utf8');
}

/** A bundle signed with a key (sigstore's bundle format, version 0.3; DSSE, version 1). */
function keyBundle(payload: Buffer, key: SigningKey): Buffer {
  const bundle = {
    mediaType: BUNDLE_TYPE,
    verificationMaterial: {
      publicKey: { hint: Buffer.from(key.publicKey.fingerprint, 'hex').toString('base64') },
      tlogEntries: [],
      timestampVerificationData: { rfc3161Timestamps: [] },
    },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: IN_TOTO_TYPE,
      signatures: [{ sig: key.sign(preAuthenticated(IN_TOTO_TYPE, payload)).toString('base64'), keyid: '' }],
    },
  };
  return Buffer.from(JSON.stringify(bundle), 'utf8');
}

/** What DSSE signs: type and payload with their lengths. */
function preAuthenticated(type: string, payload: Buffer): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), payload]);
}

/** Stores a bundle as a referrer of what it is about. */
async function attachBundle(
  { reference, subject }: Pick<SignRequest, 'reference' | 'subject'>,
  bundle: Buffer,
  target: ImageTarget,
  options: OperationOptions,
): Promise<AttachedSignature> {
  const layer = { mediaType: BUNDLE_TYPE, digest: digestOf(bundle), size: bundle.length };
  await target.putBlob(layer, () => streamOf(bundle), options);
  await target.putBlob(EMPTY_CONFIG.descriptor, () => streamOf(EMPTY_CONFIG.bytes), options);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    artifactType: BUNDLE_TYPE,
    config: EMPTY_CONFIG.descriptor,
    layers: [layer],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': COSIGN_SIGN_PREDICATE,
    },
  };
  const bytes = Buffer.from(JSON.stringify(manifest), 'utf8');
  return await putReferrer(reference, subject.digest, bytes, target, options);
}

/** Stores the manifest of a bundle whose blobs are there. */
export async function putReferrer(
  reference: RegistryReference | LayoutReference,
  subject: Digest,
  manifest: Uint8Array,
  target: ImageTarget,
  options: OperationOptions,
): Promise<AttachedSignature> {
  const digest = await target.putManifest(manifest, MEDIA_TYPES.manifest, undefined, options);
  if (reference.kind === 'registry') return { format: 'bundle', digest, tag: undefined };
  // A layout keeps no list of referrers: its index says of each entry what it is.
  const name = `${digestAlgorithm(subject)}-${digestHex(subject)}.${digestHex(digest).slice(0, 12)}`;
  const tag = storedTag(reference, name);
  await using layout = await openLayoutWriter(reference.path);
  const descriptor = { mediaType: MEDIA_TYPES.manifest, digest, size: manifest.length };
  await layout.setTag(tag, { ...descriptor, artifactType: BUNDLE_TYPE });
  return { format: 'bundle', digest, tag };
}
