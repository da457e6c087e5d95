/** Tags of X.690 and of X.509, as one byte each. */
export const DER = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag of a field that is told by its number: of something made of others, or of bytes. */
export function contextTag(number: number, isMade: boolean): number {
  return 0x80 | (isMade ? 0x20 : 0) | number;
}

/** One element (X.690, section 8.1): its tag, the length of what is in it, and that. */
export function derElement(tag: number, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const content = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), ...content]);
}

/** Below 128 the length is one byte; else a byte that says of how many it is made, and these (X.690, section 10.1). */
function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 0x100)) bytes.unshift(rest % 0x100);
  return [0x80 | bytes.length, ...bytes];
}

export function derSequence(...parts: readonly Uint8Array[]): Buffer {
  return derElement(DER.sequence, ...parts);
}

/** Bits that fill whole bytes. */
export function derBitString(bytes: Uint8Array): Buffer {
  return derElement(DER.bitString, Buffer.from([0]), bytes);
}

/** `1.2.840.10045.4.3.2` (X.690, section 8.19). */
export function derObjectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return derElement(
    DER.objectIdentifier,
    Buffer.from([first * 40 + second, ...rest.flatMap((arc) => base128(arc))]),
  );
}

function base128(arc: number): readonly number[] {
  const bytes = [arc % 0x80];
  for (let rest = Math.floor(arc / 0x80); rest > 0; rest = Math.floor(rest / 0x80))
    bytes.unshift(0x80 | (rest % 0x80));
  return bytes;
}
