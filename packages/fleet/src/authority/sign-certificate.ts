import { type KeyObject, sign } from 'node:crypto';
import { contextTag, DER, derBitString, derElement, derObjectIdentifier, derSequence } from '@slipway/core';

/** `ecdsa-with-SHA256` (RFC 5758, section 3.2). */
const SIGNATURE = derSequence(derObjectIdentifier('1.2.840.10045.4.3.2'));
const V3 = derElement(contextTag(0, true), derElement(DER.integer, Buffer.from([2])));
const ATTRIBUTE = { CN: derObjectIdentifier('2.5.4.3'), O: derObjectIdentifier('2.5.4.10') } as const;
/** The last year of two digits: RFC 5280, section 4.1.2.5. */
const LAST_SHORT_YEAR = 2049;

/** What a certificate says. All that is bytes but the serial number is DER. */
export interface CertificateContent {
  /** Positive, without leading zeros. */
  readonly serial: Uint8Array;
  readonly subject: Uint8Array;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly extensions: readonly Uint8Array[];
}

/** Who signs. */
export interface CertificateSigner {
  /** Byte for byte as the subject of its own certificate. */
  readonly name: Uint8Array;
  /** On P-256. */
  readonly key: KeyObject;
}

/** Signs a certificate (RFC 5280, section 4.1), PEM. */
export function signCertificate(content: CertificateContent, { name, key }: CertificateSigner): string {
  const unsigned = derSequence(
    V3,
    derElement(DER.integer, content.serial),
    SIGNATURE,
    name,
    derSequence(time(content.fromMs), time(content.untilMs)),
    content.subject,
    content.publicKey,
    derElement(contextTag(3, true), derSequence(...content.extensions)),
  );
  const signature = derBitString(sign('sha256', unsigned, key));
  const lines =
    derSequence(unsigned, SIGNATURE, signature)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----'].join('\n');
}

/** A name of attributes in this order, DER. */
export function distinguishedName(
  attributes: readonly (readonly [type: 'CN' | 'O', value: string])[],
): Buffer {
  return derSequence(
    ...attributes.map(([type, value]) =>
      derElement(DER.set, derSequence(ATTRIBUTE[type], derElement(DER.utf8String, value))),
    ),
  );
}

/** Whole seconds, in UTC. */
function time(ms: number): Buffer {
  const date = new Date(ms);
  const digits = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  return date.getUTCFullYear() <= LAST_SHORT_YEAR
    ? derElement(DER.utcTime, digits.slice(2))
    : derElement(DER.generalizedTime, digits);
}
