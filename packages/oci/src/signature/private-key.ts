/** Private keys to sign with: PEM (PKCS #8, SEC 1, PKCS #1), and cosign's own encrypted form. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { messageOf, SlipwayError } from '@slipway/core';
import { isSignedBy, type TrustedKey, trustedKey } from './public-key.ts';

/** A key to sign with. */
export interface SigningKey {
  readonly publicKey: TrustedKey;
  /** SHA-256, RSA as PKCS #1 v1.5, ECDSA as DER, Ed25519 over the bytes themselves. */
  sign(bytes: Uint8Array): Buffer;
  /** Whether a signature is by this key. */
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** The two files `cosign generate-key-pair` writes. */
export interface KeyPairFiles {
  /** `cosign.key`, encrypted with the password. */
  readonly privatePem: string;
  /** `cosign.pub` */
  readonly publicPem: string;
}

/** PEM labels of cosign's form, the new one and the old one. */
const LABELS = ['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY'] as const;

/**
 * Reads a private key.
 *
 * @param password asked for only when the key is encrypted; may be empty, as cosign's may
 * @param source names the key in errors
 * @throws SlipwayError SIGNATURE_KEY_INVALID, SIGNATURE_PASSWORD_WRONG
 */
export async function parsePrivateKey(
  pem: string,
  password: () => Promise<string | undefined>,
  source: string,
): Promise<SigningKey> {
  const boxed = LABELS.map((label) => blockOf(pem, label)).find((body) => body !== undefined);
  const key =
    boxed === undefined
      ? await plainKey(pem, password, source)
      : createPrivateKey({ key: await boxedKey(boxed, password, source), format: 'der', type: 'pkcs8' });
  if (!['ec', 'rsa', 'ed25519'].includes(key.asymmetricKeyType ?? '')) {
    throw invalid(source, `keys of type ${key.asymmetricKeyType} are not used for signatures of images`);
  }
  return signingKey(key, source);
}

/** Makes an ECDSA P-256 key pair, as cosign does. */
export async function generateKeyPair(password: string): Promise<KeyPairFiles> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const plain = privateKey.export({ type: 'pkcs8', format: 'der' });
  const { sealBox } = await import('./encrypted-key.ts');
  const body = Buffer.from(await sealBox(plain, password), 'utf8').toString('base64');
  const lines = body.match(/.{1,64}/g) ?? [];
  return {
    privatePem: `-----BEGIN ${LABELS[0]}-----\n${lines.join('\n')}\n-----END ${LABELS[0]}-----\n`,
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }),
  };
}

function signingKey(key: KeyObject, source: string): SigningKey {
  const publicKey = trustedKey(createPublicKey(key), source);
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return {
    publicKey,
    sign: (bytes) => sign(algorithm, bytes, key),
    verifies: (bytes, signature) => isSignedBy(publicKey, bytes, signature),
  };
}

async function plainKey(
  pem: string,
  password: () => Promise<string | undefined>,
  source: string,
): Promise<KeyObject> {
  const isEncrypted = pem.includes('ENCRYPTED');
  const passphrase = isEncrypted ? await required(password, source) : undefined;
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (cause) {
    if (isEncrypted) throw wrongPassword(source, cause);
    throw invalid(source, messageOf(cause), cause);
  }
}

async function boxedKey(
  body: string,
  password: () => Promise<string | undefined>,
  source: string,
): Promise<Buffer> {
  const { openBox } = await import('./encrypted-key.ts');
  const box = await openBox(Buffer.from(body, 'base64').toString('utf8'), await required(password, source));
  if (box.kind === 'wrong-password') throw wrongPassword(source);
  if (box.kind === 'no-box')
    throw invalid(source, 'what it holds is not a key encrypted the way cosign does');
  return box.plain;
}

async function required(password: () => Promise<string | undefined>, source: string): Promise<string> {
  const given = await password();
  if (given !== undefined) return given;
  throw new SlipwayError(
    'SIGNATURE_PASSWORD_WRONG',
    `cannot use the key ${source}: it is encrypted, and no password was given`,
    {
      hint: 'give --password-file FILE, or set COSIGN_PASSWORD',
    },
  );
}

function blockOf(pem: string, label: string): string | undefined {
  const match = new RegExp(`-----BEGIN ${label}-----(?<body>[A-Za-z0-9+/=\\s]*)-----END ${label}-----`).exec(
    pem,
  );
  return match?.groups?.['body'];
}

function wrongPassword(source: string, cause?: unknown): SlipwayError {
  return new SlipwayError('SIGNATURE_PASSWORD_WRONG', `cannot use the key ${source}: the password is wrong`, {
    cause,
  });
}

function invalid(source: string, problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('SIGNATURE_KEY_INVALID', `cannot use the key ${source}: ${problem}`, {
    hint: 'give a private key in PEM, or one of cosign generate-key-pair',
    cause,
  });
}
