import 'reflect-metadata';
import { hash } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { messageOf, SlipwayError } from '@slipway/core';

/** What a host asks a certificate for. */
export interface CertificateRequest {
  readonly publicKey: x509.PublicKey;
  /** SHA-256 of the public key (SubjectPublicKeyInfo), hex. */
  readonly fingerprint: string;
  /** Name the device gets: made of the key alone, so that it can be neither chosen nor taken. */
  readonly deviceName: string;
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const NAME_LENGTH = 26;

/**
 * Reads a PKCS #10 request (PEM) and checks that who made it has the key. Subject and extensions it asks for are not looked at.
 *
 * @throws SlipwayError FLEET_CERTIFICATE_INVALID
 */
export async function readCertificateRequest(pem: string): Promise<CertificateRequest> {
  const request = parse(pem);
  let isSigned = false;
  try {
    isSigned = await request.verify();
  } catch (cause) {
    throw invalid(`its signature cannot be checked: ${messageOf(cause)}`, cause);
  }
  if (!isSigned) throw invalid('it is not signed by its own key');
  checkKey(request.publicKey);
  const digest = hash('sha256', Buffer.from(request.publicKey.rawData), 'buffer');
  return {
    publicKey: request.publicKey,
    fingerprint: digest.toString('hex'),
    deviceName: base32(digest).slice(0, NAME_LENGTH),
  };
}

function parse(pem: string): x509.Pkcs10CertificateRequest {
  if (!pem.includes('-----BEGIN CERTIFICATE REQUEST-----')) throw invalid('it is not PEM');
  try {
    return new x509.Pkcs10CertificateRequest(pem);
  } catch (cause) {
    throw invalid(messageOf(cause), cause);
  }
}

/** Keys that are too weak to be worth a certificate. */
function checkKey({ algorithm }: x509.PublicKey): void {
  const {
    name,
    namedCurve,
    modulusLength = 0,
  } = algorithm as { readonly name: string; readonly namedCurve?: string; readonly modulusLength?: number };
  const isGood =
    (name === 'ECDSA' && ['P-256', 'P-384'].includes(namedCurve ?? '')) ||
    name === 'Ed25519' ||
    (name.startsWith('RSASSA') && modulusLength >= 2048 && modulusLength <= 8192);
  if (!isGood) throw invalid(`its key is ${name} ${namedCurve ?? modulusLength}`);
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
