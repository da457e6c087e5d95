/** Devices that wait for another desired state. */
export class Waiters {
  readonly #waiting = new Map<string, Set<() => void>>();

  get count(): number {
    return this.#waiting.size;
  }

  /** Begins to listen; what happens from now on ends the wait, so first register, then look whether there is something new. */
  register(device: string): Waiter {
    const { promise, resolve } = Promise.withResolvers<void>();
    const set = this.#waiting.get(device) ?? new Set();
    this.#waiting.set(device, set.add(resolve));
    return {
      wait: async (ms, signal) => await soonest(promise, resolve, ms, signal),
      [Symbol.dispose]: () => {
        set.delete(resolve);
        if (set.size === 0 && this.#waiting.get(device) === set) this.#waiting.delete(device);
      },
    };
  }

  wake(device: string): void {
    for (const resolve of this.#waiting.get(device) ?? []) resolve();
  }

  wakeAll(): void {
    for (const set of this.#waiting.values()) for (const resolve of set) resolve();
  }
}

export interface Waiter extends Disposable {
  /** Resolves when the device is woken, the time is over or the signal says so, whichever comes first. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

async function soonest(
  woken: Promise<void>,
  end: () => void,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const timer = setTimeout(end, ms);
  signal.addEventListener('abort', end, { once: true });
  try {
    await woken;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}
