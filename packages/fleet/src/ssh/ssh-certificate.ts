import { type KeyObject, randomBytes, sign } from 'node:crypto';
import { KEY_TYPE, rawPublicKey, sshKeyBlob } from './ssh-public-key.ts';
import { wireString, wireUint32, wireUint64 } from './ssh-wire.ts';

const CERTIFICATE_TYPE = 'ssh-ed25519-cert-v01@openssh.com';
const KINDS = { user: 1, host: 2 } as const;
const NONCE_BYTES = 32;

/** What a certificate says. */
export interface SshCertificateContent {
  readonly kind: keyof typeof KINDS;
  /** Of Ed25519. */
  readonly publicKey: Uint8Array;
  readonly serial: bigint;
  /** What logs call who has it. */
  readonly keyId: string;
  /** Never none: a certificate without principals is good for all. */
  readonly principals: readonly [string, ...string[]];
  readonly fromMs: number;
  readonly untilMs: number;
  /** What who has it may do, by the names OpenSSH has for it; nothing for a host. */
  readonly extensions: readonly string[];
}

/**
 * Signs a certificate, one line as OpenSSH keeps it: PROTOCOL.certkeys of OpenSSH, "New public key formats", for
 * `ssh-ed25519-cert-v01@openssh.com`.
 */
export function signSshCertificate(
  content: SshCertificateContent,
  authority: KeyObject,
  publicAuthority: KeyObject,
): string {
  const names = content.extensions.toSorted();
  const unsigned = Buffer.concat([
    wireString(CERTIFICATE_TYPE),
    // Makes what is signed nothing anybody could have chosen.
    wireString(randomBytes(NONCE_BYTES)),
    wireString(content.publicKey),
    wireUint64(content.serial),
    wireUint32(KINDS[content.kind]),
    wireString(content.keyId),
    wireString(Buffer.concat(content.principals.map((name) => wireString(name)))),
    wireUint64(seconds(content.fromMs)),
    wireUint64(seconds(content.untilMs)),
    // Critical options: none. Extensions are pairs in the order of their names, with values that are empty. Reserved.
    wireString(''),
    wireString(Buffer.concat(names.flatMap((name) => [wireString(name), wireString('')]))),
    wireString(''),
    wireString(sshKeyBlob(rawPublicKey(publicAuthority))),
  ]);
  const signature = Buffer.concat([wireString(KEY_TYPE), wireString(sign(null, unsigned, authority))]);
  const blob = Buffer.concat([unsigned, wireString(signature)]);
  return `${CERTIFICATE_TYPE} ${blob.toString('base64')} ${content.keyId}`;
}

function seconds(ms: number): bigint {
  return BigInt(Math.floor(ms / 1000));
}
