import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import {
  contextTag,
  DER,
  type DerElement,
  derObjectIdentifier,
  messageOf,
  readDer,
  SlipwayError,
} from '@slipway/core';

/** What a host asks a certificate for. */
export interface CertificateRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** SHA-256 of the public key, hex. */
  readonly fingerprint: string;
  /** Name the device gets: made of the key alone, so that it can be neither chosen nor taken. */
  readonly deviceName: string;
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const NAME_LENGTH = 26;
const PEM = /-----BEGIN CERTIFICATE REQUEST-----(?<body>[A-Za-z0-9+/=\s]+)-----END CERTIFICATE REQUEST-----/;

interface Signature {
  /** As Node names kinds of keys. */
  readonly key: string;
  /** Null: the algorithm has its own. */
  readonly digest: string | null;
}

/** RFC 5758, section 3.2; RFC 4055, section 5; RFC 8410, section 3. */
const SIGNATURES: ReadonlyMap<string, Signature> = new Map(
  (
    [
      ['1.2.840.10045.4.3.2', { key: 'ec', digest: 'sha256' }],
      ['1.2.840.10045.4.3.3', { key: 'ec', digest: 'sha384' }],
      ['1.2.840.10045.4.3.4', { key: 'ec', digest: 'sha512' }],
      ['1.2.840.113549.1.1.11', { key: 'rsa', digest: 'sha256' }],
      ['1.2.840.113549.1.1.12', { key: 'rsa', digest: 'sha384' }],
      ['1.2.840.113549.1.1.13', { key: 'rsa', digest: 'sha512' }],
      ['1.3.101.112', { key: 'ed25519', digest: null }],
    ] as const
  ).map(([dotted, signature]) => [derObjectIdentifier(dotted).toString('hex'), signature]),
);

/**
 * Reads a PKCS #10 request (PEM; RFC 2986, section 4) and checks that who made it has the key. Subject and extensions it asks for are
 * not looked at.
 *
 * @throws SlipwayError FLEET_CERTIFICATE_INVALID
 */
export function readCertificateRequest(pem: string): CertificateRequest {
  const body = PEM.exec(pem)?.groups?.['body'];
  if (body === undefined) throw invalid('it is not PEM');
  const { asked, publicKey, algorithm, signature } = parse(Buffer.from(body, 'base64'));
  const key = keyOf(publicKey);
  const scheme = SIGNATURES.get(algorithm);
  if (scheme?.key !== key.asymmetricKeyType) throw invalid('its signature is none its key can make');
  checkKey(key);
  if (!verify(scheme?.digest ?? null, asked, key, signature))
    throw invalid('it is not signed by its own key');
  const digest = hash('sha256', publicKey, 'buffer');
  return {
    publicKey,
    fingerprint: digest.toString('hex'),
    deviceName: base32(digest).slice(0, NAME_LENGTH),
  };
}

interface Parts {
  /** What is signed. */
  readonly asked: Buffer;
  readonly publicKey: Buffer;
  /** Object identifier, DER, hex. */
  readonly algorithm: string;
  readonly signature: Buffer;
}

function parse(bytes: Buffer): Parts {
  try {
    const [asked, algorithm, signature] = fields(only(readDer(bytes)), DER.sequence);
    const [version, subject, publicKey, attributes] = fields(asked, DER.sequence);
    const isRequest =
      version?.whole.equals(VERSION) === true &&
      subject?.tag === DER.sequence &&
      publicKey?.tag === DER.sequence &&
      attributes?.tag === contextTag(0, true) &&
      signature?.tag === DER.bitString &&
      // Signatures fill whole bytes.
      signature.content[0] === 0;
    if (!isRequest) throw new RangeError('it has other fields');
    return {
      asked: asked?.whole ?? Buffer.alloc(0),
      publicKey: publicKey.whole,
      algorithm: fields(algorithm, DER.sequence)[0]?.whole.toString('hex') ?? '',
      signature: signature.content.subarray(1),
    };
  } catch (cause) {
    throw invalid(messageOf(cause), cause);
  }
}

const VERSION = Buffer.from([DER.integer, 1, 0]);

function only([element, ...others]: readonly DerElement[]): DerElement | undefined {
  return others.length === 0 ? element : undefined;
}

function fields(element: DerElement | undefined, tag: number): readonly DerElement[] {
  if (element?.tag !== tag) throw new RangeError('a part of it is missing');
  return readDer(element.content);
}

function keyOf(publicKey: Buffer): KeyObject {
  try {
    return createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  } catch (cause) {
    throw invalid(`its key cannot be read: ${messageOf(cause)}`, cause);
  }
}

/** Keys that are too weak to be worth a certificate. */
function checkKey({ asymmetricKeyType: kind, asymmetricKeyDetails }: KeyObject): void {
  const { namedCurve = '', modulusLength = 0 } = asymmetricKeyDetails ?? {};
  const isGood =
    (kind === 'ec' && ['prime256v1', 'secp384r1'].includes(namedCurve)) ||
    kind === 'ed25519' ||
    (kind === 'rsa' && modulusLength >= 2048 && modulusLength <= 8192);
  if (!isGood)
    throw invalid(`its key is ${kind ?? 'none'} ${namedCurve === '' ? modulusLength : namedCurve}`);
}

function base32(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(held >> bits) & 31] ?? '';
    }
  }
  return text;
}

function invalid(reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError('FLEET_CERTIFICATE_INVALID', `cannot take the certificate request: ${reason}`, {
    hint: 'send PKCS #10 as PEM with a key on P-256 or P-384, Ed25519, or RSA of 2048 bits or more',
    cause,
  });
}
