/** Wakes somebody who waits, or will. Rings before `reset` are forgotten: read the state after it. */
export class Bell {
  #controller = new AbortController();

  /** Aborted by the next ring. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  ring(): void {
    this.#controller.abort();
  }

  reset(): void {
    if (this.#controller.signal.aborted) this.#controller = new AbortController();
  }

  /** Waits so long, for a ring, or for the signal, whichever is first. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    const wakers = [this.signal, signal];
    const timer = setTimeout(wake, Math.max(0, ms));
    for (const each of wakers) each.addEventListener('abort', wake, { once: true });
    if (wakers.some(({ aborted }) => aborted)) wake();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      // They live as long as the agent, which waits every minute.
      for (const each of wakers) each.removeEventListener('abort', wake);
    }
  }
}
