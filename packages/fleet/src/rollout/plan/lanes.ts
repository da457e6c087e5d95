/**
 * Devices that wait, in lanes of those that wait for the same: a lane that is shut is not looked at again before something opens it, so
 * that nobody is asked twice for nothing.
 */
export class Lanes<Item> {
  readonly #lanes = new Map<string, { readonly items: Item[]; head: number }>();
  readonly #open = new Set<string>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(lane: string, item: Item): void {
    const known = this.#lanes.get(lane);
    if (known === undefined) this.#lanes.set(lane, { items: [item], head: 0 });
    else known.items.push(item);
    this.#open.add(lane);
    this.#size += 1;
  }

  open(lane: string): void {
    if (this.#lanes.has(lane)) this.#open.add(lane);
  }

  /**
   * Offers the first of each open lane, again and again.
   *
   * @param offer `taken`: the next please; `shut`: nobody of this lane for now; `stop`: nobody at all for now
   */
  drain(offer: (item: Item, lane: string) => 'taken' | 'shut' | 'stop'): void {
    for (const name of this.#open) {
      const lane = this.#lanes.get(name);
      const outcome = lane === undefined ? 'shut' : this.#drainLane(name, lane, offer);
      if (outcome === 'stop') return;
      this.#open.delete(name);
    }
  }

  #drainLane(
    name: string,
    lane: { readonly items: Item[]; head: number },
    offer: (item: Item, lane: string) => 'taken' | 'shut' | 'stop',
  ): 'shut' | 'stop' {
    while (lane.head < lane.items.length) {
      const outcome = offer(lane.items[lane.head] as Item, name);
      if (outcome !== 'taken') return outcome;
      lane.head += 1;
      this.#size -= 1;
    }
    return 'shut';
  }
}
