/** The signed text of a simple signature (containers-signature(5)): which manifest, under which name. cosign signs the same with another type. */
import { SlipwayError } from '@slipway/core';
import { isDigest } from '../digest.ts';
import type { Digest } from '../image.ts';

/** What a payload says. Nothing of it counts before its signature was verified. */
export interface SimpleSigningPayload {
  readonly type: PayloadType;
  /** The name the image was signed under. */
  readonly dockerReference: string;
  readonly manifestDigest: Digest;
  /** What the signer added: of cosign, its annotations. */
  readonly optional: Readonly<Record<string, unknown>>;
}

/** `critical.type`: of GPG signatures and of cosign's. */
export type PayloadType = 'atomic container signature' | 'cosign container image signature';

/** Far more than a payload has. */
export const MAX_PAYLOAD_BYTES: number = 1 << 20;

/**
 * Reads a payload whose signature was verified. Fields nobody knows are refused: what a signer meant by them cannot be honoured.
 *
 * @returns a problem in words when it is none
 */
export async function parsePayload(
  bytes: Uint8Array,
  type: PayloadType,
): Promise<SimpleSigningPayload | string> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return 'what it signs is not JSON';
  }
  const { payloadSchema } = await import('./payload-schema.ts');
  const checked = payloadSchema.safeParse(json);
  if (!checked.success) return 'what it signs is not a statement about an image';
  const { critical, optional } = checked.data;
  if (critical.type !== type)
    return `it signs a ${JSON.stringify(critical.type.slice(0, 100))}, not a ${JSON.stringify(type)}`;
  const digest = critical.image['docker-manifest-digest'];
  if (!isDigest(digest)) return 'it signs no digest';
  return {
    type,
    dockerReference: critical.identity['docker-reference'],
    manifestDigest: digest,
    optional: optional ?? {},
  };
}

/** The text to sign. */
export function formatPayload({
  type,
  dockerReference,
  manifestDigest,
  optional,
}: SimpleSigningPayload): Buffer {
  const critical = {
    identity: { 'docker-reference': dockerReference },
    image: { 'docker-manifest-digest': manifestDigest },
    type,
  };
  const bytes = Buffer.from(JSON.stringify({ critical, optional }), 'utf8');
  if (bytes.length <= MAX_PAYLOAD_BYTES) return bytes;
  throw new SlipwayError('USAGE', 'cannot sign: the annotations are too long');
}
