/** Events in the order of their time; of equal times in the order they were added. A binary heap. */
export class EventQueue<Event> {
  readonly #heap: { readonly atMs: number; readonly turn: number; readonly event: Event }[] = [];
  #turns = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(atMs: number, event: Event): void {
    const heap = this.#heap;
    const added = { atMs, turn: this.#turns, event };
    this.#turns += 1;
    let place = heap.length;
    heap.push(added);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(added, above)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = added;
  }

  next(): { readonly atMs: number; readonly event: Event } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      if (a === undefined) break;
      const isRight = b !== undefined && isBefore(b, a);
      const child = isRight ? b : a;
      if (!isBefore(child, last)) break;
      heap[place] = child;
      place = isRight ? left + 1 : left;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(
  a: { readonly atMs: number; readonly turn: number },
  b: { readonly atMs: number; readonly turn: number },
): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.turn < b.turn);
}
