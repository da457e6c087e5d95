/** An element as it was read. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** With its tag and length, as it is signed. */
  readonly whole: Buffer;
}

/**
 * The elements that bytes consist of, one after the other (X.690, section 8.1). Tags of one byte and lengths that are known and as short
 * as can be: what certificates are made of.
 *
 * @throws RangeError when they consist of something else
 */
export function readDer(bytes: Buffer): readonly DerElement[] {
  const found: DerElement[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = byteAt(bytes, at);
    if ((tag & 0x1f) === 0x1f) throw new RangeError('a tag of more than one byte');
    const { length, from } = readLength(bytes, at + 1);
    const end = from + length;
    if (end > bytes.length) throw new RangeError('an element goes on after the end');
    found.push({ tag, content: bytes.subarray(from, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return found;
}

/** More than four bytes of length is more than anything here has. */
const MAX_LENGTH_BYTES = 4;

function readLength(bytes: Buffer, at: number): { readonly length: number; readonly from: number } {
  const first = byteAt(bytes, at);
  if (first < 0x80) return { length: first, from: at + 1 };
  const size = first & 0x7f;
  if (size === 0 || size > MAX_LENGTH_BYTES || at + 1 + size > bytes.length)
    throw new RangeError('a length that is none');
  const length = bytes.readUIntBE(at + 1, size);
  const isShortest = length >= 0x80 && length >= 0x100 ** (size - 1);
  if (!isShortest) throw new RangeError('a length that is longer than it need be');
  return { length, from: at + 1 + size };
}

function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError('an element goes on after the end');
  return byte;
}
