import { DigestSet } from './digest-set.ts';
import { objectFiles } from './object-files.ts';
import type { Store } from './store.ts';

/**
 * The objects that are in a store at one moment, each by a number, and which of them something names. Listing them once is a hundred
 * times faster than asking the file system about each.
 */
export class StoredObjects {
  readonly digests: DigestSet = new DigestSet();
  readonly #isNamed: Uint8Array;

  /** @throws SlipwayError IO_FAILED */
  constructor(store: Store) {
    for (const { digest } of objectFiles(store))
      if (digest !== undefined) this.digests.indexOf(Uint8Array.fromHex(digest));
    this.#isNamed = new Uint8Array(this.digests.length);
  }

  /** Whether all of these are there. */
  hasAll(digests: Iterable<Uint8Array>): boolean {
    return Iterator.from(digests).every((digest) => this.digests.find(digest) !== -1);
  }

  /** Notes that something names an object, which need not be there. */
  name(digest: Uint8Array): void {
    const number = this.digests.find(digest);
    if (number !== -1) this.#isNamed[number] = 1;
  }

  /** Those nothing was said to name. */
  *unnamed(): Generator<Uint8Array, void, undefined> {
    for (const [number, isNamed] of this.#isNamed.entries()) {
      const digest = isNamed === 1 ? undefined : this.digests.at(number);
      if (digest !== undefined) yield digest;
    }
  }
}
