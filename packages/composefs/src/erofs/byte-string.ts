/** Whether a latin1 string is bytes a name can hold: none above 0xff, no NUL, as C strings end there. */
export function isCString(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0 || code > 0xff) return false;
  }
  return true;
}

/** Bytes as a latin1 string. */
export function latin1Of(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('latin1');
}

/** The same memory as a Buffer. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Part of some bytes as a latin1 string. */
export function latin1Slice(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('latin1', from, to);
}
