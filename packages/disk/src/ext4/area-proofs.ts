import { digestBytesOf, type MerkleTree, treeOfLeaves } from '@slipway/composefs';
import type { AreaPart } from './area.ts';
import type { LoadedArea } from './area-loader.ts';
import { BLOCK_BYTES } from './format.ts';
import type { ScannedTree } from './scanned-tree.ts';
import { checkedTree, writeProof } from './verity.ts';

/** Puts the proofs of files into the areas they stand in, one area after the other. A file may begin in one and end in another. */
export class AreaProofs {
  readonly #tree: ScannedTree;
  /** Hashes of the file whose proof has not come yet. */
  #leaves: Uint8Array[] = [];
  #proof: MerkleTree | undefined;

  constructor(tree: ScannedTree) {
    this.#tree = tree;
  }

  /**
   * @returns how many bytes of files are in the area
   * @throws SlipwayError DISK_CONTENT_CHANGED when a file does not have its digest
   */
  add({ area, bytes, hashes }: LoadedArea): number {
    const hashBytes = digestBytesOf(area.algorithm);
    let hashed = 0;
    let contentBytes = 0;
    for (const part of area.parts) {
      if (part.kind === 'content') {
        const end = hashed + Math.ceil(part.sizeBytes / BLOCK_BYTES) * hashBytes;
        this.#leaves.push(hashes.subarray(hashed, end));
        hashed = end;
        contentBytes += part.sizeBytes;
      } else {
        if (part.offsetBytes === 0) this.#proof = this.#prove(part);
        if (this.#proof === undefined) throw new Error('internal error: a proof without a beginning');
        writeProof(this.#proof, bytes.subarray(part.at, part.at + part.sizeBytes), part.offsetBytes);
      }
    }
    return contentBytes;
  }

  #prove({ inode }: AreaPart): MerkleTree {
    const node = this.#tree.node(inode);
    if (node.kind !== 'file' || node.verity === undefined)
      throw new Error('internal error: a proof of what has none');
    const leaves = Buffer.concat(this.#leaves);
    this.#leaves = [];
    return checkedTree(node, treeOfLeaves(node.verity, leaves, node.sizeBytes), () =>
      this.#tree.pathOf(inode),
    );
  }
}
