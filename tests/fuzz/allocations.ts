/** The largest buffer one input made a reader ask for, whatever became of it. */
export class Allocations {
  #largestBytes = 0;

  /** Runs a step and says what it asked for. Only one at a time. */
  async during(step: () => Promise<void>): Promise<number> {
    this.#largestBytes = 0;
    const alloc = Buffer.alloc.bind(Buffer);
    const allocUnsafe = Buffer.allocUnsafe.bind(Buffer);
    const allocUnsafeSlow = Buffer.allocUnsafeSlow.bind(Buffer);
    const noted =
      <A extends readonly [number, ...unknown[]], R>(allocate: (...args: A) => R) =>
      (...args: A): R => {
        this.#largestBytes = Math.max(this.#largestBytes, args[0]);
        return allocate(...args);
      };
    Object.assign(Buffer, {
      alloc: noted(alloc),
      allocUnsafe: noted(allocUnsafe),
      allocUnsafeSlow: noted(allocUnsafeSlow),
    });
    try {
      await step();
    } finally {
      Object.assign(Buffer, { alloc, allocUnsafe, allocUnsafeSlow });
    }
    return this.#largestBytes;
  }
}
