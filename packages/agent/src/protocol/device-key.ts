import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { contextTag, DER, derBitString, derElement, derObjectIdentifier, derSequence } from '@slipway/core';

const ECDSA_WITH_SHA256 = derSequence(derObjectIdentifier('1.2.840.10045.4.3.2'));
const COMMON_NAME = derObjectIdentifier('2.5.4.3');
const VERSION = derElement(DER.integer, Buffer.from([0]));
/** Who asks has no name yet: the fleet gives it one. */
const SUBJECT = derSequence(
  derElement(DER.set, derSequence(COMMON_NAME, derElement(DER.utf8String, 'host'))),
);
const NO_ATTRIBUTES = derElement(contextTag(0, true));

/** A new private key on P-256, PKCS #8 in PEM. It never leaves the host. */
export function makeDeviceKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).trim();
}

/** A request for a certificate, PKCS #10 (RFC 2986, section 4) in PEM, signed by the key, which is one of {@link makeDeviceKey}. */
export function certificateRequest(keyPem: string): string {
  const key = createPrivateKey(keyPem);
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const asked = derSequence(VERSION, SUBJECT, publicKey, NO_ATTRIBUTES);
  const request = derSequence(asked, ECDSA_WITH_SHA256, derBitString(sign('sha256', asked, key)));
  const lines = request.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----'].join('\n');
}
