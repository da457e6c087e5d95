/** Signatures cosign and skopeo attach by tag: each a layer with the signed text, its signature among the annotations (cosign's specs/SIGNATURE_SPEC.md). */
import type { OperationOptions } from '@slipway/core';
import type { Descriptor, Digest } from '../image.ts';
import { type Attachments, signatureTag } from './attachments.ts';
import { MAX_PAYLOAD_BYTES } from './simple-signing.ts';

/** Media type of a signed text. */
export const SIMPLE_SIGNING_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';

/** Annotations of a layer with a signed text. */
export const COSIGN_ANNOTATIONS: Readonly<Record<'signature' | 'certificate' | 'chain' | 'bundle', string>> =
  {
    signature: 'dev.cosignproject.cosign/signature',
    certificate: 'dev.sigstore.cosign/certificate',
    chain: 'dev.sigstore.cosign/chain',
    bundle: 'dev.sigstore.cosign/bundle',
  };

/** A signature as it was found. */
export interface CosignSignature {
  /** Of the layer: names the signature in messages. */
  readonly digest: Digest;
  readonly payload: Uint8Array;
  readonly signature: Buffer;
  /** PEM of the certificate of a signature without a lasting key. */
  readonly certificate: string | undefined;
  /** PEM of the certificates above it. */
  readonly chain: string | undefined;
  /** JSON: the promise of a transparency log. */
  readonly rekorBundle: string | undefined;
}

/** Far more than anybody puts on one image. */
const MAX_SIGNATURES = 256;

/** Reads the signatures under the tag of a manifest's digest. */
export async function readCosignSignatures(
  attachments: Attachments,
  signed: Digest,
  options: OperationOptions = {},
): Promise<readonly CosignSignature[]> {
  const attached = await attachments.tagged(signatureTag(signed), options);
  const layers = attached?.manifest.layers.filter(isSignature).slice(0, MAX_SIGNATURES) ?? [];
  const signatures: CosignSignature[] = [];
  for (const layer of layers) {
    const payload = await attachments.blob(layer, MAX_PAYLOAD_BYTES, options);
    signatures.push({
      digest: layer.digest,
      payload,
      signature: Buffer.from(layer.annotations?.[COSIGN_ANNOTATIONS.signature] ?? '', 'base64'),
      certificate: layer.annotations?.[COSIGN_ANNOTATIONS.certificate],
      chain: layer.annotations?.[COSIGN_ANNOTATIONS.chain],
      rekorBundle: layer.annotations?.[COSIGN_ANNOTATIONS.bundle],
    });
  }
  return signatures;
}

function isSignature({ mediaType, size, annotations }: Descriptor): boolean {
  return (
    mediaType === SIMPLE_SIGNING_TYPE &&
    size <= MAX_PAYLOAD_BYTES &&
    annotations?.[COSIGN_ANNOTATIONS.signature] !== undefined
  );
}
