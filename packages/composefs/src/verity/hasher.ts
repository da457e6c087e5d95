import type { ByteStream } from '@slipway/core';
import {
  digestBytesOf,
  hashBlock,
  VERITY_BLOCK_BYTES,
  type VerityAlgorithm,
  verityDescriptor,
  writeHash,
} from './algorithm.ts';

/** What fs-verity knows about a file once every byte was seen. */
export interface MerkleTree {
  /** Hash of the descriptor: the name of the file. */
  readonly digest: Buffer;
  /** Hash of the top block; all zero for an empty file. */
  readonly rootHash: Buffer;
  /** `struct fsverity_descriptor`, 256 bytes. */
  readonly descriptor: Buffer;
  /**
   * The stored levels, root level first as file systems lay them, each whole 4096-byte blocks.
   * Empty for files of at most one block, and when the hasher does not keep the tree.
   */
  readonly levels: readonly Buffer[];
  readonly sizeBytes: number;
}

/** Hashes of one level: the block being filled, and the finished ones if they are kept. */
interface Level {
  readonly block: Buffer;
  filledBytes: number;
  /** Hashes this level received; a level with exactly one is the root hash, not a stored level. */
  hashes: number;
  readonly kept: Buffer[];
}

/**
 * Builds the fs-verity Merkle tree of bytes as they come (composefs-format section 10).
 *
 * Without the tree it holds one block per level, 16 kB for a terabyte; with it, 1/128 of the file
 * (1/64 with sha512).
 */
export class VerityHasher {
  readonly algorithm: VerityAlgorithm;
  readonly #keepTree: boolean;
  readonly #partial: Buffer = Buffer.alloc(VERITY_BLOCK_BYTES);
  #partialBytes = 0;
  #sizeBytes = 0;
  readonly #levels: Level[] = [];

  constructor(algorithm: VerityAlgorithm, options: { readonly keepTree?: boolean } = {}) {
    this.algorithm = algorithm;
    this.#keepTree = options.keepTree ?? true;
  }

  /** Takes the next bytes; they are not kept. */
  update(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.length;
    let offset = 0;
    if (this.#partialBytes > 0) {
      offset = Math.min(VERITY_BLOCK_BYTES - this.#partialBytes, chunk.length);
      this.#partial.set(chunk.subarray(0, offset), this.#partialBytes);
      this.#partialBytes += offset;
      if (this.#partialBytes < VERITY_BLOCK_BYTES) return;
      this.#addBlock(0, this.#partial);
      this.#partialBytes = 0;
    }
    for (; offset + VERITY_BLOCK_BYTES <= chunk.length; offset += VERITY_BLOCK_BYTES) {
      this.#addBlock(0, chunk.subarray(offset, offset + VERITY_BLOCK_BYTES));
    }
    this.#partial.set(chunk.subarray(offset), 0);
    this.#partialBytes = chunk.length - offset;
  }

  /**
   * Takes the hashes of the next blocks, made elsewhere by {@link leafHashes}.
   *
   * @param sizeBytes of the bytes they are of; only the last of a file may end within a block
   */
  addLeafHashes(hashes: Uint8Array, sizeBytes: number): void {
    if (this.#sizeBytes % VERITY_BLOCK_BYTES !== 0)
      throw new Error('internal error: blocks after the last one');
    this.#sizeBytes += sizeBytes;
    const hashBytes = digestBytesOf(this.algorithm);
    for (let offset = 0; offset < hashes.length; offset += hashBytes) {
      const level = this.#levelAt(0);
      level.block.set(hashes.subarray(offset, offset + hashBytes), level.filledBytes);
      this.#added(0, level);
    }
  }

  /** Ends the file. The hasher is used up. */
  finish(): MerkleTree {
    if (this.#partialBytes > 0) {
      this.#partial.fill(0, this.#partialBytes);
      this.#addBlock(0, this.#partial);
    }
    const { rootHash, levels } = this.#closeLevels();
    const descriptor = verityDescriptor(this.algorithm, this.#sizeBytes, rootHash);
    const digest = hashBlock(this.algorithm, descriptor);
    return { digest, rootHash, descriptor, levels, sizeBytes: this.#sizeBytes };
  }

  /** Puts the hash of a block into the level above it. */
  #addBlock(depth: number, block: Uint8Array): void {
    const level = this.#levelAt(depth);
    writeHash(this.algorithm, block, level.block, level.filledBytes);
    this.#added(depth, level);
  }

  #added(depth: number, level: Level): void {
    level.filledBytes += digestBytesOf(this.algorithm);
    level.hashes += 1;
    if (level.filledBytes === VERITY_BLOCK_BYTES) this.#closeBlock(depth, level);
  }

  #levelAt(depth: number): Level {
    const existing = this.#levels[depth];
    if (existing !== undefined) return existing;
    const level: Level = { block: Buffer.alloc(VERITY_BLOCK_BYTES), filledBytes: 0, hashes: 0, kept: [] };
    this.#levels.push(level);
    return level;
  }

  #closeBlock(depth: number, level: Level): void {
    level.block.fill(0, level.filledBytes);
    if (this.#keepTree) level.kept.push(Buffer.from(level.block));
    level.filledBytes = 0;
    this.#addBlock(depth + 1, level.block);
  }

  /** Pads what is open from the bottom up until one hash is left: the root. */
  #closeLevels(): { readonly rootHash: Buffer; readonly levels: readonly Buffer[] } {
    const hashBytes = digestBytesOf(this.algorithm);
    const stored: Buffer[] = [];
    for (let depth = 0; ; depth += 1) {
      const level = this.#levels[depth];
      if (level === undefined) return { rootHash: Buffer.alloc(hashBytes), levels: [] };
      if (level.hashes === 1) {
        return { rootHash: Buffer.from(level.block.subarray(0, hashBytes)), levels: stored.reverse() };
      }
      if (level.filledBytes > 0) this.#closeBlock(depth, level);
      if (this.#keepTree) stored.push(Buffer.concat(level.kept));
    }
  }
}

/**
 * The hashes of the blocks of a part of a file, one after the other: the lowest level of its Merkle tree. Any thread can
 * make them, see {@link VerityHasher.addLeafHashes}.
 *
 * @param part begins at a block; a last block that is not full is padded
 */
export function leafHashes(algorithm: VerityAlgorithm, part: Uint8Array): Buffer<ArrayBuffer> {
  const hashBytes = digestBytesOf(algorithm);
  const blocks = Math.ceil(part.length / VERITY_BLOCK_BYTES);
  const hashes = Buffer.alloc(blocks * hashBytes);
  for (let index = 0; index < blocks; index += 1) {
    const block = part.subarray(index * VERITY_BLOCK_BYTES, (index + 1) * VERITY_BLOCK_BYTES);
    writeHash(
      algorithm,
      block.length === VERITY_BLOCK_BYTES ? block : padded(block),
      hashes,
      index * hashBytes,
    );
  }
  return hashes;
}

/**
 * The Merkle tree of a file from its lowest level.
 *
 * @param leaves all of {@link leafHashes}
 */
export function treeOfLeaves(algorithm: VerityAlgorithm, leaves: Uint8Array, sizeBytes: number): MerkleTree {
  const hashBytes = digestBytesOf(algorithm);
  const levels: Buffer[] = [];
  let hashes = leaves;
  while (hashes.length > hashBytes) {
    const level = Buffer.alloc(Math.ceil(hashes.length / VERITY_BLOCK_BYTES) * VERITY_BLOCK_BYTES);
    level.set(hashes);
    levels.unshift(level);
    hashes = leafHashes(algorithm, level);
  }
  const rootHash = hashes.length === 0 ? Buffer.alloc(hashBytes) : Buffer.from(hashes);
  const descriptor = verityDescriptor(algorithm, sizeBytes, rootHash);
  return { digest: hashBlock(algorithm, descriptor), rootHash, descriptor, levels, sizeBytes };
}

function padded(block: Uint8Array): Uint8Array {
  const whole = new Uint8Array(VERITY_BLOCK_BYTES);
  whole.set(block);
  return whole;
}

/** The Merkle tree of a stream, for writers that lay it on a disk. Holds 1/128 of the file. */
export async function merkleTree(stream: ByteStream, algorithm: VerityAlgorithm): Promise<MerkleTree> {
  const hasher = new VerityHasher(algorithm);
  for await (const chunk of stream) hasher.update(chunk);
  return hasher.finish();
}
