import { constants, crc32, deflateRaw } from 'node:zlib';
import { type PieceFormat, packer } from './packed-disk.ts';

/** Magic, deflate, no flags, no time, no extra flags, unknown system. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** A last block with nothing in it: the pieces before do not know that they are the last. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);

/** One gzip member (RFC 1952): every piece ends at a whole byte and refers to none before it. */
export function gzipPieces(): PieceFormat {
  let checksum = 0;
  let lengthBytes = 0;
  return {
    begin: HEADER,
    pack: packer(deflateRaw, { finishFlush: constants.Z_FULL_FLUSH }),
    note(piece) {
      checksum = crc32(piece, checksum);
      lengthBytes += piece.length;
    },
    end() {
      const trailer = Buffer.alloc(8);
      trailer.writeUInt32LE(checksum, 0);
      trailer.writeUInt32LE(lengthBytes % 2 ** 32, 4);
      return Buffer.concat([LAST_BLOCK, trailer]);
    },
  };
}
