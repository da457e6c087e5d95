import { promisify } from 'node:util';
import type { DiskTarget } from '../device/writer.ts';
import { blockStream } from './blocks.ts';
import type { SequentialFile } from './sequential-file.ts';

/** A compressed format whose pieces can be packed by themselves and put one after another. */
export interface PieceFormat {
  /** What stands before the first piece. */
  readonly begin: Buffer;
  /** Packs a piece; the result stands for those bytes wherever it is put. */
  pack(piece: Buffer): Promise<Buffer>;
  /** Sees every piece as it is, in order. */
  note(piece: Buffer): void;
  /** What stands after the last piece. */
  end(): Buffer;
}

/** What stands around the bytes of the disk. */
export interface Surroundings {
  readonly before: Buffer;
  readonly after: Buffer;
}

const PIECE_BYTES = 1024 * 1024;

/**
 * A whole disk, zeros and all, packed into a file. Pieces are packed on several threads; a piece of zeros is packed once for all
 * of them, so that an empty disk of terabytes takes a moment.
 */
export function packedDisk(
  file: SequentialFile,
  sizeBytes: number,
  format: PieceFormat,
  { before, after }: Surroundings = { before: Buffer.alloc(0), after: Buffer.alloc(0) },
): DiskTarget {
  const zeros = Buffer.alloc(PIECE_BYTES);
  let packedZeros: Promise<Buffer> | undefined;
  let nextIndex = 0;

  const lengthOf = (index: number): number => Math.min(PIECE_BYTES, sizeBytes - index * PIECE_BYTES);

  async function addPiece(piece: Buffer, packed: Buffer): Promise<void> {
    format.note(piece);
    await file.append(packed);
  }

  async function addWhole(piece: Buffer): Promise<void> {
    if (piece.length > 0) await addPiece(piece, await format.pack(piece));
  }

  async function addZerosBefore(index: number): Promise<void> {
    for (; nextIndex < index; nextIndex += 1) {
      const lengthBytes = lengthOf(nextIndex);
      if (lengthBytes < PIECE_BYTES) await addWhole(zeros.subarray(0, lengthBytes));
      else await addPiece(zeros, await (packedZeros ??= format.pack(zeros)));
    }
  }

  const blocks = blockStream({
    sizeBytes,
    blockBytes: PIECE_BYTES,
    pack: (block, index) => format.pack(block.subarray(0, lengthOf(index))),
    async place(index, packed, plain) {
      await addZerosBefore(index);
      await addPiece(plain.subarray(0, lengthOf(index)), packed);
      nextIndex = index + 1;
    },
  });

  let begun: Promise<void> | undefined;
  const begin = (): Promise<void> =>
    (begun ??= (async () => {
      await file.append(format.begin);
      await addWhole(before);
    })());

  return {
    sizeBytes,
    async write(offsetBytes, bytes) {
      await begin();
      await blocks.write(offsetBytes, bytes);
    },
    async finish() {
      await begin();
      await blocks.end();
      await addZerosBefore(Math.ceil(sizeBytes / PIECE_BYTES));
      await addWhole(after);
      await file.append(format.end());
      await file.finish();
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** A function of `node:zlib` as one that answers with a promise. */
export function packer<Options>(
  pack: (bytes: Buffer, options: Options, done: (error: Error | null, packed: Buffer) => void) => void,
  options: Options,
): (piece: Buffer) => Promise<Buffer> {
  const promised = promisify<Buffer, Options, Buffer>(pack);
  return (piece) => promised(piece, options);
}
