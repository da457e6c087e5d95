import { NODE } from '../packed/packed-store.ts';
import { encodeDevice } from './device-number.ts';
import { BLOCK_BYTES, FILE_TYPE, type FileType, MODE_TYPE_OF } from './format.ts';
import type { ImagePlan } from './plan.ts';

/** What follows an inode, or stands in its blocks. */
export type BodyKind = 'none' | 'bytes' | 'symlink' | 'chunks' | 'directory';

/** What a planned node is in the image: the tree's node after every rewriting rule. */
export class NodeFacts {
  readonly #plan: ImagePlan;

  constructor(plan: ImagePlan) {
    this.#plan = plan;
  }

  /** A whiteout of the tree is an empty regular file; those that act are devices. */
  fileType(node: number): FileType {
    return this.#isWhiteout(node) ? FILE_TYPE.regular : (FILE_TYPES[this.#kind(node)] ?? FILE_TYPE.regular);
  }

  /** 16 bits: type and permission. */
  mode(node: number): number {
    return MODE_TYPE_OF[this.fileType(node)] | (this.#plan.tree.store.modes[node] ?? 0);
  }

  body(node: number): BodyKind {
    switch (this.#kind(node)) {
      case NODE.directory:
        return 'directory';
      case NODE.symlink:
        return 'symlink';
      case NODE.inline:
        return this.sizeBytes(node) === 0 ? 'none' : 'bytes';
      case NODE.object32:
      case NODE.object64:
      case NODE.unusual:
        return this.sizeBytes(node) === 0 ? 'none' : 'chunks';
      default:
        return 'none';
    }
  }

  /** `st_size` as held; directories get theirs from the layout. */
  sizeBytes(node: number): number {
    const kind = this.#kind(node);
    if (kind >= NODE.inline && kind <= NODE.symlink) return this.#plan.tree.store.second[node] ?? 0;
    return kind === NODE.directory || this.#isWhiteout(node)
      ? 0
      : (this.#plan.facts.get(node)?.sizeBytes ?? 0);
  }

  /** `i_size` as written. */
  fileSize(node: number): number {
    const { dataBlocks, tails } = this.#plan.nodes;
    const body = this.body(node);
    if (body === 'directory') return (dataBlocks[node] ?? 0) * BLOCK_BYTES + (tails[node] ?? 0);
    return body === 'none' ? 0 : this.sizeBytes(node);
  }

  /** Kernel encoding of the device number, 0 for everything else. */
  device(node: number): number {
    const kind = this.#kind(node);
    if (kind !== NODE.characterDevice && kind !== NODE.blockDevice) return 0;
    const { first, second } = this.#plan.tree.store;
    return encodeDevice({ major: first[node] ?? 0, minor: second[node] ?? 0 });
  }

  #kind(node: number): number {
    return this.#plan.tree.store.kinds[node] ?? 0;
  }

  #isWhiteout(node: number): boolean {
    const { kinds, first, second } = this.#plan.tree.store;
    const isNull = kinds[node] === NODE.characterDevice && first[node] === 0 && second[node] === 0;
    return isNull && node < this.#plan.firstStub;
  }
}

const FILE_TYPES: Readonly<Record<number, FileType>> = {
  [NODE.directory]: FILE_TYPE.directory,
  [NODE.symlink]: FILE_TYPE.symlink,
  [NODE.characterDevice]: FILE_TYPE.characterDevice,
  [NODE.blockDevice]: FILE_TYPE.blockDevice,
  [NODE.fifo]: FILE_TYPE.fifo,
  [NODE.socket]: FILE_TYPE.socket,
};
