import { wireString, wireUint32, wireUint64 } from './ssh-wire.ts';

/** `SSHKRL\n\0`, and the one version of the format there is. */
const MAGIC = 0x53_53_48_4b_52_4c_0a_00n;
const FORMAT_VERSION = 1;
const SECTION = { certificates: 1, explicitKey: 2 } as const;
const SERIAL_LIST = 0x20;

/** What no ssh is to take any more. */
export interface Revocations {
  /** Higher than that of any list before. */
  readonly number: bigint;
  readonly generatedMs: number;
  /** Certificates, by the key that signed them and by their serial numbers. */
  readonly certificates: readonly { readonly authority: Uint8Array; readonly serials: readonly bigint[] }[];
  /** Keys by themselves, with or without a certificate. Authorities and these as they travel in SSH. */
  readonly keys: readonly Uint8Array[];
}

/**
 * A key revocation list as `ssh` and `sshd` read it: PROTOCOL.krl of OpenSSH. It is not signed: who has the right to read it has it
 * over TLS from the authority itself.
 */
export function writeRevocationList({ number, generatedMs, certificates, keys }: Revocations): Buffer {
  const header = [
    wireUint64(MAGIC),
    wireUint32(FORMAT_VERSION),
    wireUint64(number),
    wireUint64(BigInt(Math.floor(generatedMs / 1000))),
    // Flags, none of which is defined; reserved; comment.
    wireUint64(0n),
    wireString(''),
    wireString(''),
  ];
  const sections = certificates.filter(({ serials }) => serials.length > 0).map(certificateSection);
  if (keys.length > 0) sections.push(section(SECTION.explicitKey, inOrder(keys).map(wireString)));
  return Buffer.concat([...header, ...sections]);
}

/** Serial numbers in a list: they are drawn at random, so that ranges and bitmaps would hold one each. */
function certificateSection({ authority, serials }: Revocations['certificates'][number]): Buffer {
  const sorted = serials.toSorted((left, right) => (left < right ? -1 : Number(left > right)));
  const list = section(SERIAL_LIST, sorted.map(wireUint64));
  return section(SECTION.certificates, [wireString(authority), wireString(''), list]);
}

function section(type: number, parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([type]), wireString(Buffer.concat(parts))]);
}

function inOrder(keys: readonly Uint8Array[]): readonly Uint8Array[] {
  return keys.toSorted((left, right) => Buffer.compare(left, right));
}
