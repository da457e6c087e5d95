/**
 * What happened lately, in order, for any number of readers at their own pace. Only the newest `capacity` items are kept:
 * a reader that falls further behind misses the oldest, so a machine that floods its console costs no memory.
 */
export class Journal<Item> {
  readonly #capacity: number;
  #items: Item[] = [];
  /** Number of items dropped from the front: the position of `#items[0]` since the beginning. */
  #dropped = 0;
  #isClosed = false;
  #wake = Promise.withResolvers<void>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Adds an item and wakes the readers. */
  push(item: Item): void {
    this.#items.push(item);
    // Dropped in halves, so that each push costs the same.
    if (this.#items.length >= this.#capacity * 2) {
      this.#dropped += this.#items.length - this.#capacity;
      this.#items = this.#items.slice(-this.#capacity);
    }
    this.#wakeReaders();
  }

  /** No more will come: readers end when they have read everything. */
  close(): void {
    this.#isClosed = true;
    this.#wakeReaders();
  }

  /** The newest items, oldest first. */
  last(count: number): readonly Item[] {
    return count <= 0 ? [] : this.#items.slice(-count);
  }

  /** Everything kept and everything to come, or only the latter. */
  async *follow(
    from: 'start' | 'now' = 'start',
    signal?: AbortSignal,
  ): AsyncGenerator<Item, void, undefined> {
    let position = from === 'start' ? this.#dropped : this.#dropped + this.#items.length;
    const aborted = signal === undefined ? undefined : abortOf(signal);
    try {
      for (;;) {
        signal?.throwIfAborted();
        position = Math.max(position, this.#dropped);
        const wake = this.#wake.promise;
        const item = this.#items[position - this.#dropped];
        if (item !== undefined) {
          position += 1;
          yield item;
        } else if (this.#isClosed) {
          return;
        } else {
          await (aborted === undefined ? wake : Promise.race([wake, aborted.promise]));
        }
      }
    } finally {
      aborted?.forget();
    }
  }

  #wakeReaders(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** A promise that resolves when the signal fires, and a way to stop listening. */
function abortOf(signal: AbortSignal): { readonly promise: Promise<void>; readonly forget: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listener = (): void => resolve();
  signal.addEventListener('abort', listener);
  return { promise, forget: () => signal.removeEventListener('abort', listener) };
}
