/** Signs images with a key and attaches the signature where verifiers look for it. */
import { type OperationOptions, SlipwayError } from '@slipway/core';
import { digestOf } from '../digest.ts';
import type { Descriptor, Digest } from '../image.ts';
import { MEDIA_TYPES, parseManifest } from '../manifest.ts';
import { openImage, openTarget } from '../open-image.ts';
import type { LayoutReference, RegistryReference } from '../reference.ts';
import type { RegistryOptions } from '../registry/source.ts';
import type { ImageTarget } from '../target.ts';
import { type AttachedManifest, openAttachments, signatureTag, storedTag } from './attachments.ts';
import { COSIGN_ANNOTATIONS, SIMPLE_SIGNING_TYPE } from './cosign-signature.ts';
import type { SigningKey } from './private-key.ts';
import { streamOf } from './put-bytes.ts';
import { signByReferrer } from './sign-bundle.ts';
import type { AttachedSignature, SignRequest } from './sign-request.ts';
import { formatPayload } from './simple-signing.ts';

/** What was signed, and the signatures of it that are there now. */
export interface SignedSubject {
  readonly subject: Descriptor;
  readonly signatures: readonly AttachedSignature[];
}

/**
 * Signs what a reference names; of an index, every image it names as well: podman looks at the signatures of those.
 *
 * @throws SlipwayError OCI_NOT_FOUND, OCI_MANIFEST_INVALID, and what reading and writing there throws
 */
export async function signWholeImage(
  request: Omit<SignRequest, 'subject'>,
  options: RegistryOptions & OperationOptions = {},
): Promise<readonly SignedSubject[]> {
  await using source = openImage(request.reference, options);
  const { bytes, digest, mediaType } = await source.readDocument(undefined, options);
  const document = await parseManifest(bytes, source.name);
  const named = document.kind === 'index' ? document.manifests : [];
  const signed: SignedSubject[] = [];
  // The index last: who sees it signed finds everything in it signed.
  for (const subject of [...named, { mediaType, digest, size: bytes.length }]) {
    signed.push({ subject, signatures: await signManifest({ ...request, subject }, options) });
  }
  return signed;
}

/**
 * Signs a manifest. Signatures that are there stay; the same again changes nothing.
 *
 * What a power cut leaves: blobs nobody names, or the signature whole.
 */
export async function signManifest(
  request: SignRequest,
  options: RegistryOptions & OperationOptions = {},
): Promise<readonly AttachedSignature[]> {
  await using target = await openTarget(request.reference, options);
  const attached: AttachedSignature[] = [];
  for (const format of new Set(request.formats)) {
    attached.push(
      format === 'cosign'
        ? await signByTag(request, target, options)
        : await signByReferrer(request, target, options),
    );
  }
  return attached;
}

async function signByTag(
  { reference, subject, identity, key, annotations = {} }: SignRequest,
  target: ImageTarget,
  options: RegistryOptions & OperationOptions,
): Promise<AttachedSignature> {
  const payload = formatPayload({
    type: 'cosign container image signature',
    dockerReference: identity,
    manifestDigest: subject.digest,
    optional: annotations,
  });
  const layer: Descriptor = {
    mediaType: SIMPLE_SIGNING_TYPE,
    digest: digestOf(payload),
    size: payload.length,
    annotations: { [COSIGN_ANNOTATIONS.signature]: key.sign(payload).toString('base64') },
  };
  const tag = signatureTag(subject.digest);
  const before = await attachedBefore(reference, tag, options);
  if (before?.manifest.layers.some((other) => isSameSignature(other, layer, key, payload)) === true) {
    return { format: 'cosign', digest: before.digest, tag: storedTag(reference, tag) };
  }
  const layers = [...(before?.manifest.layers ?? []), layer];
  await target.putBlob(layer, () => streamOf(payload), options);
  const digest = await putSignatureManifest(layers, target, storedTag(reference, tag), options);
  return { format: 'cosign', digest, tag: storedTag(reference, tag) };
}

/** ECDSA signatures differ each time: the same text by the same key is the same signature. */
function isSameSignature(
  other: Descriptor,
  layer: Descriptor,
  key: SigningKey,
  payload: Uint8Array,
): boolean {
  if (other.digest !== layer.digest) return false;
  if (other.annotations?.[COSIGN_ANNOTATIONS.certificate] !== undefined) return false;
  const signature = Buffer.from(other.annotations?.[COSIGN_ANNOTATIONS.signature] ?? '', 'base64');
  return key.verifies(payload, signature);
}

async function attachedBefore(
  reference: RegistryReference | LayoutReference,
  tag: string,
  options: RegistryOptions & OperationOptions,
): Promise<AttachedManifest | undefined> {
  await using attachments = await openAttachments(reference, options);
  return await attachments.tagged(tag, options);
}

/** Looks like an image to registries that take nothing else: a configuration that lists the layers. */
export async function putSignatureManifest(
  layers: readonly Descriptor[],
  target: ImageTarget,
  tag: string,
  options: OperationOptions,
): Promise<Digest> {
  const config = Buffer.from(
    JSON.stringify({
      architecture: '',
      created: NO_TIME,
      history: layers.map(() => ({ created: NO_TIME })),
      os: '',
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
      config: {},
    }),
    'utf8',
  );
  const descriptor = { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length };
  await target.putBlob(descriptor, () => streamOf(config), options);
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config: descriptor, layers };
  const bytes = Buffer.from(JSON.stringify(manifest), 'utf8');
  return await target.putManifest(bytes, MEDIA_TYPES.manifest, tag, options);
}

const NO_TIME = '0001-01-01T00:00:00Z';

/**
 * The name an image is signed under where nobody gives another: the one it is asked for by.
 *
 * @throws SlipwayError USAGE for an image in a directory, which has no name
 */
export function signingIdentity(reference: RegistryReference | LayoutReference): string {
  if (reference.kind === 'oci') {
    throw new SlipwayError(
      'USAGE',
      `cannot sign oci:${reference.path}: an image in a directory has no name to sign`,
      {
        hint: 'give --sign-identity HOST/NAME:TAG: the name it will be asked for by',
      },
    );
  }
  const { registry, repository, tag } = reference;
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}`;
}
