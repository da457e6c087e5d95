/** A number in 16 bits, little-endian and then big-endian (ECMA-119 7.2.3). */
export function writeBoth16(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt16LE(value, at);
  bytes.writeUInt16BE(value, at + 2);
}

/** A number in 32 bits, little-endian and then big-endian (ECMA-119 7.3.3). */
export function writeBoth32(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value, at);
  bytes.writeUInt32BE(value, at + 4);
}
