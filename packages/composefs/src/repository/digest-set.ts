import { DigestIndex } from '../erofs/digest-index.ts';
import { ByteArena } from '../packed/byte-arena.ts';
import type { DigestList } from './stream-record.ts';

/** Digests of one length, each once, in the order they came. Disposing of it gives its memory back at once. */
export class DigestSet implements DigestList, Disposable {
  readonly #bytes = new ByteArena();
  readonly #index: DigestIndex = new DigestIndex((number) => this.#digest(number));
  #digestBytes = 32;

  get length(): number {
    return this.#index.count;
  }

  at(index: number): Uint8Array | undefined {
    return index < this.length ? this.#digest(index) : undefined;
  }

  /** Place of a digest, which is taken in where it is new. */
  indexOf(digest: Uint8Array): number {
    const known = this.#index.find(digest);
    if (known !== -1) return known;
    this.#digestBytes = digest.length;
    this.#bytes.addBytes(digest);
    return this.#index.add(digest);
  }

  /** Place of a digest; -1 for one that is not among them. */
  find(digest: Uint8Array): number {
    return this.#index.find(digest);
  }

  *[Symbol.iterator](): Generator<Uint8Array, void, undefined> {
    for (let index = 0; index < this.length; index += 1) yield this.#digest(index);
  }

  [Symbol.dispose](): void {
    this.#index[Symbol.dispose]();
    this.#bytes[Symbol.dispose]();
  }

  /** They lie one after the other: a segment of the arena holds a whole number of them. */
  #digest(index: number): Uint8Array {
    return this.#bytes.bytes(index * this.#digestBytes, this.#digestBytes);
  }
}
