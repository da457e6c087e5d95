import type { KeyObject } from 'node:crypto';
import { SlipwayError } from '@slipway/core';
import { readWireStrings, wireString } from './ssh-wire.ts';

/** The one kind of key that is certified: RFC 8709, section 4. */
export const KEY_TYPE = 'ssh-ed25519';
const KEY_BYTES = 32;

/**
 * The bytes of the key in a line `ssh-ed25519 AAAA… comment`.
 *
 * @throws SlipwayError FLEET_CERTIFICATE_INVALID
 */
export function readSshPublicKey(line: string): Buffer {
  const [type, encoded = ''] = line.trim().split(/\s+/);
  const blob = /^[A-Za-z0-9+/]+={0,2}$/.test(encoded) ? Buffer.from(encoded, 'base64') : Buffer.alloc(0);
  const [innerType, key, ...rest] = readWireStrings(blob) ?? [];
  const isRight =
    type === KEY_TYPE &&
    innerType?.toString('latin1') === KEY_TYPE &&
    key?.length === KEY_BYTES &&
    rest.length === 0;
  if (isRight) return key;
  throw new SlipwayError(
    'FLEET_CERTIFICATE_INVALID',
    'cannot certify the key of ssh: it is none of Ed25519',
    {
      hint: 'make one with ssh-keygen -t ed25519, and send the line of its .pub file',
    },
  );
}

/** The key as it travels: its type and its bytes. */
export function sshKeyBlob(key: Uint8Array): Buffer {
  return Buffer.concat([wireString(KEY_TYPE), wireString(key)]);
}

/** As OpenSSH writes it into a file. */
export function sshKeyLine(key: Uint8Array, comment: string): string {
  return `${KEY_TYPE} ${sshKeyBlob(key).toString('base64')} ${comment}`;
}

/** The bytes of a public key of this process. */
export function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
}
