import { createHash, type Hash, hash } from 'node:crypto';
import { type ByteStream, SlipwayError } from '@slipway/core';
import type { Digest } from './image.ts';

/** The hash functions image-spec registers; no other digest is accepted. */
export type DigestAlgorithm = 'sha256' | 'sha512';

const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };

/**
 * Checks the text of a digest (image-spec descriptor.md, "Digests").
 *
 * @throws SlipwayError OCI_DIGEST_INVALID
 */
export function parseDigest(text: string): Digest {
  const match = /^(?<algorithm>sha256|sha512):(?<hex>[0-9a-f]+)$/.exec(text);
  const { algorithm, hex } = match?.groups ?? {};
  if (algorithm === undefined || hex?.length !== HEX_LENGTH[algorithm as DigestAlgorithm]) {
    throw new SlipwayError('OCI_DIGEST_INVALID', `cannot use the digest ${JSON.stringify(shorten(text))}`, {
      hint: 'a digest is sha256: and 64, or sha512: and 128, lower-case hexadecimal digits',
    });
  }
  return text as Digest;
}

/** Whether {@link parseDigest} accepts the text. */
export function isDigest(text: string): text is Digest {
  return /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(text);
}

/** The part before the colon. */
export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The part after the colon. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The digest of bytes at hand. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${hash(algorithm, bytes, 'hex')}` as Digest;
}

/** Counts and hashes bytes as they come. */
export class DigestHasher {
  readonly algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  #sizeBytes = 0;

  constructor(algorithm: DigestAlgorithm = 'sha256') {
    this.algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  /** Bytes seen so far. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** The digest of everything seen; the hasher is spent afterwards. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hash.digest('hex')}` as Digest;
  }
}

/**
 * Passes bytes through and throws at their end when they are not what the digest names, or as soon as
 * they are more than `sizeBytes` (undefined: any number). Whoever reads must not act on the bytes
 * before the end has come without an error.
 *
 * @param what names the bytes in the error: `blob sha256:… of registry.example/os`
 * @throws SlipwayError OCI_DIGEST_MISMATCH
 */
export async function* verifyStream(
  stream: ByteStream,
  digest: Digest,
  sizeBytes: number | undefined,
  what: string = digest,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = new DigestHasher(digestAlgorithm(digest));
  for await (const chunk of stream) {
    hasher.update(chunk);
    if (sizeBytes !== undefined && hasher.sizeBytes > sizeBytes) {
      throw sizeMismatch(what, digest, sizeBytes, `more than ${sizeBytes}`);
    }
    yield chunk;
  }
  checkHashed(hasher, digest, sizeBytes, what);
}

/**
 * Compares what was hashed with what was promised; the hasher is spent afterwards.
 *
 * @throws SlipwayError OCI_DIGEST_MISMATCH
 */
export function checkHashed(
  hasher: DigestHasher,
  digest: Digest,
  sizeBytes: number | undefined,
  what: string = digest,
): void {
  if (sizeBytes !== undefined && hasher.sizeBytes !== sizeBytes) {
    throw sizeMismatch(what, digest, sizeBytes, String(hasher.sizeBytes));
  }
  const actual = hasher.digest();
  if (actual !== digest) {
    throw new SlipwayError(
      'OCI_DIGEST_MISMATCH',
      `cannot use ${what}: its bytes have the digest ${actual}, not ${digest}`,
      {
        hint: 'the copy is damaged or was changed: remove it, or fetch it again from where it came',
        details: { expected: digest, actual },
      },
    );
  }
}

function sizeMismatch(what: string, digest: Digest, expected: number, actual: string): SlipwayError {
  return new SlipwayError(
    'OCI_DIGEST_MISMATCH',
    `cannot use ${what}: it has ${actual} bytes, not the ${expected} its descriptor promises`,
    {
      hint: 'the copy is damaged or was changed: remove it, or fetch it again from where it came',
      details: { digest, expected, actual },
    },
  );
}

function shorten(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 160)}…`;
}
