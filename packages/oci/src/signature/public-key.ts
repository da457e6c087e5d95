/** Public keys as cosign and policies give them: PEM, ECDSA, RSA or Ed25519. */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf, SlipwayError } from '@slipway/core';
import type { KeyMaterial } from './policy.ts';

/** A key somebody trusts. */
export interface TrustedKey {
  readonly key: KeyObject;
  /** For people: where it is from, and the start of its fingerprint. */
  readonly name: string;
  /** SHA-256 of the key as DER (SubjectPublicKeyInfo), lower-case hex: how transparency logs name their keys. */
  readonly fingerprint: string;
}

const KEY_TYPES: ReadonlySet<string | undefined> = new Set(['ec', 'rsa', 'ed25519']);
/** NIST SP 800-131A. */
const MIN_RSA_BITS = 2048;

/**
 * Reads a public key in PEM.
 *
 * @param source names it in errors
 * @throws SlipwayError SIGNATURE_KEY_INVALID
 */
export function parsePublicKey(pem: string | Uint8Array, source: string): TrustedKey {
  let key: KeyObject;
  try {
    const text = Buffer.from(pem).toString('utf8');
    if (!text.includes('-----BEGIN PUBLIC KEY-----') && !text.includes('-----BEGIN RSA PUBLIC KEY-----')) {
      throw new Error('it is not a public key in PEM');
    }
    key = createPublicKey(text);
  } catch (cause) {
    throw invalid(source, messageOf(cause), cause);
  }
  if (!KEY_TYPES.has(key.asymmetricKeyType)) {
    throw invalid(source, `keys of type ${key.asymmetricKeyType} are not used for signatures of images`);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < MIN_RSA_BITS) throw invalid(source, `${bits} bits are too few for RSA`);
  return trustedKey(key, source);
}

/** A key with its name and fingerprint. */
export function trustedKey(key: KeyObject, source: string): TrustedKey {
  const fingerprint = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  return { key, name: `${source} (${fingerprint.slice(0, 16)})`, fingerprint };
}

/**
 * Reads the keys of a policy.
 *
 * @throws SlipwayError SIGNATURE_KEY_INVALID
 */
export async function loadPublicKeys(material: KeyMaterial): Promise<readonly TrustedKey[]> {
  return (await loadMaterial(material)).map(({ bytes, source }) => parsePublicKey(bytes, source));
}

/** Bytes of a key or certificate, and what to call them. */
export interface LoadedMaterial {
  readonly bytes: Buffer;
  readonly source: string;
}

/**
 * Reads what a policy names.
 *
 * @throws SlipwayError SIGNATURE_KEY_INVALID
 */
export async function loadMaterial(material: KeyMaterial): Promise<readonly LoadedMaterial[]> {
  if (material.kind === 'data')
    return material.data.map((bytes) => ({ bytes, source: 'a key of the policy' }));
  return await Promise.all(
    material.paths.map(async (path) => ({ bytes: await readKeyFile(path), source: path })),
  );
}

/**
 * Reads a file that must be there.
 *
 * @throws SlipwayError SIGNATURE_KEY_INVALID
 */
export async function readKeyFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw invalid(path, 'it cannot be read', cause);
  }
}

/** Checks a signature over bytes the way cosign makes it: SHA-256, RSA as PKCS #1 v1.5, ECDSA as DER, Ed25519 over the bytes themselves. */
export function isSignedBy({ key }: TrustedKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', bytes, key, signature);
  } catch {
    // Bytes that are no signature at all.
    return false;
  }
}

function invalid(source: string, problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('SIGNATURE_KEY_INVALID', `cannot use the key ${source}: ${problem}`, {
    hint: 'a public key starts with -----BEGIN PUBLIC KEY-----',
    cause,
  });
}
