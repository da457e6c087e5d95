/** Work of a server that nobody asks for. */

/**
 * Does something every so often as long as the server runs, never twice at once: a round that takes longer than the time between two is
 * waited for. What fails is told, and tried again at the next.
 */
export class Periodic implements AsyncDisposable {
  readonly #work: () => Promise<void>;
  readonly #failed: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;

  constructor(everyMs: number, work: () => Promise<void>, failed: (error: unknown) => void) {
    this.#work = work;
    this.#failed = failed;
    this.#timer = setInterval(() => this.#tick(), everyMs);
  }

  #tick(): void {
    this.#running ??= this.#work()
      .catch(this.#failed)
      .finally(() => (this.#running = undefined));
  }

  /** Begins nothing more, and waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }
}
