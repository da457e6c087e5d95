/** Headers of tar members, for the two kinds of archive a disk comes in. */

const TAR_BLOCK_BYTES = 512;
/** Archives end with whole records. */
const RECORD_BYTES = 20 * TAR_BLOCK_BYTES;
const MOST_OCTAL = 0o77777777777;

/** `gnu` as by `tar --format=oldgnu`, `ustar` of POSIX.1-1988. */
export type TarKind = 'gnu' | 'ustar';

const MAGIC: Readonly<Record<TarKind, string>> = { gnu: 'ustar  \0', ustar: 'ustar\x0000' };

/** A plain file of root. Sizes from 8 GiB are written in base 256, as everybody reads them. */
export function tarFileHeader(kind: TarKind, name: string, sizeBytes: number, timeSec: number): Buffer {
  const block = Buffer.alloc(TAR_BLOCK_BYTES);
  block.write(name, 0, 100, 'latin1');
  writeOctal(block, 100, 8, 0o644);
  writeOctal(block, 108, 8, 0);
  writeOctal(block, 116, 8, 0);
  writeSize(block, sizeBytes);
  writeOctal(block, 136, 12, Math.min(Math.max(0, timeSec), MOST_OCTAL));
  block.write('0', 156, 'latin1');
  block.write(MAGIC[kind], 257, 'latin1');
  block.write('root', 265, 'latin1');
  block.write('root', 297, 'latin1');
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Zeros that fill the last block of a member. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((TAR_BLOCK_BYTES - (sizeBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES);
}

/** What ends an archive of so many bytes: two blocks of zeros, and whole records. */
export function tarEnd(lengthBytes: number): Buffer {
  const end = Math.ceil((lengthBytes + 2 * TAR_BLOCK_BYTES) / RECORD_BYTES) * RECORD_BYTES;
  return Buffer.alloc(end - lengthBytes);
}

function writeOctal(block: Buffer, at: number, fieldBytes: number, value: number): void {
  block.write(value.toString(8).padStart(fieldBytes - 1, '0'), at, 'latin1');
}

function writeSize(block: Buffer, sizeBytes: number): void {
  if (sizeBytes <= MOST_OCTAL) {
    writeOctal(block, 124, 12, sizeBytes);
    return;
  }
  block.writeUInt8(0x80, 124);
  block.writeBigUInt64BE(BigInt(sizeBytes), 128);
}
