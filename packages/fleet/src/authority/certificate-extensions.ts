import { isIPv4, isIPv6 } from 'node:net';
import { contextTag, DER, derElement, derObjectIdentifier, derSequence } from '@slipway/core';

const TYPE = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;
const PURPOSE = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const;
const TRUE = Buffer.from([0x01, 0x01, 0xff]);
const NONE_BELOW = derElement(DER.integer, Buffer.from([0]));
const NAME_TAG = { dns: contextTag(2, false), uri: contextTag(6, false), address: contextTag(7, false) };

/** Another name of who has a certificate (RFC 5280, section 4.2.1.6). */
export interface AlternativeName {
  readonly kind: 'dns' | 'uri' | 'address';
  readonly value: string;
}

/** Of an authority that has no authorities below it (RFC 5280, section 4.2.1), DER. */
export function authorityExtensions(keyIdentifier: Uint8Array): readonly Buffer[] {
  return [
    extension('basicConstraints', derSequence(TRUE, NONE_BELOW), true),
    // keyCertSign and cRLSign: bits 5 and 6.
    extension('keyUsage', keyUsage(0x06, 1), true),
    extension('subjectKeyIdentifier', derElement(DER.octetString, keyIdentifier)),
  ];
}

/** Of who signs no others. */
export function endExtensions(
  purpose: 'client' | 'server',
  names: readonly AlternativeName[],
  authorityKeyIdentifier: Uint8Array,
): readonly Buffer[] {
  const authority = derSequence(derElement(contextTag(0, false), authorityKeyIdentifier));
  return [
    extension('basicConstraints', derSequence(), true),
    // digitalSignature: bit 0.
    extension('keyUsage', keyUsage(0x80, 7), true),
    extension('extendedKeyUsage', derSequence(derObjectIdentifier(PURPOSE[purpose]))),
    extension('subjectAlternativeName', derSequence(...names.map(generalName))),
    extension('authorityKeyIdentifier', authority),
  ];
}

/** The last bits of the byte are not there. */
function keyUsage(bits: number, unused: number): Buffer {
  return derElement(DER.bitString, Buffer.from([unused, bits]));
}

function extension(type: keyof typeof TYPE, value: Uint8Array, isCritical = false): Buffer {
  const content = derElement(DER.octetString, value);
  const id = derObjectIdentifier(TYPE[type]);
  return isCritical ? derSequence(id, TRUE, content) : derSequence(id, content);
}

function generalName({ kind, value }: AlternativeName): Buffer {
  return derElement(NAME_TAG[kind], kind === 'address' ? addressBytes(value) : value);
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  if (!isIPv6(address)) throw new RangeError(`${address} is no address`);
  // As URLs write it: in hexadecimal, and the longest run of zeros left out.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text = ''): readonly string[] => (text === '' ? [] : text.split(':'));
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0');
  const all = tail === undefined ? groups(head) : [...groups(head), ...zeros, ...groups(tail)];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
