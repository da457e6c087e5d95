/** The checksum tar-split keeps of each file: CRC-64 with the polynomial of ISO 3309, reflected. */

/** Upper half of the reflected polynomial; the lower is zero. */
const POLYNOMIAL_HIGH = 0xd800_0000;
const TABLE_HIGH = new Uint32Array(256);
const TABLE_LOW = new Uint32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let high = 0;
  let low = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    const isSet = (low & 1) === 1;
    low = ((low >>> 1) | (high << 31)) >>> 0;
    high = (high >>> 1) ^ (isSet ? POLYNOMIAL_HIGH : 0);
  }
  TABLE_HIGH[byte] = high;
  TABLE_LOW[byte] = low;
}

/** Checksums bytes as they come. Numbers of 64 bits are kept as two halves: bigints would be fifty times slower. */
export class Crc64 {
  #high = 0xffff_ffff | 0;
  #low = 0xffff_ffff | 0;

  update(bytes: Uint8Array): void {
    let high = this.#high;
    let low = this.#low;
    for (let index = 0; index < bytes.length; index += 1) {
      const slot = (low ^ (bytes[index] ?? 0)) & 0xff;
      low = (low >>> 8) | (high << 24);
      high >>>= 8;
      high ^= TABLE_HIGH[slot] ?? 0;
      low ^= TABLE_LOW[slot] ?? 0;
    }
    this.#high = high;
    this.#low = low;
  }

  /** Eight bytes, the highest first. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32BE(~this.#high, 0);
    bytes.writeInt32BE(~this.#low, 4);
    return bytes;
  }
}
