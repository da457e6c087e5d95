import { type Logger, messageOf } from '@slipway/core';
import { Periodic } from './periodic.ts';

/** How often it is asked whose turn it is. */
const EVERY_MS = 1000;
/** At once: what another server answers slowly shall not keep the rest waiting. */
const MAX_JOBS = 4;

/** Work that is due at some time each, and depends on others' servers. */
export interface DueJobsOptions {
  /** Jobs whose time has come, so many at most. A job that another replica took in the meantime does nothing. */
  readonly due: (limit: number) => Promise<readonly (() => Promise<void>)[]>;
  /** Aborted when the server ends: nothing more is begun. */
  readonly ending: AbortSignal;
  readonly log: Logger;
  /** What is said of a job that threw. */
  readonly complaint: string;
}

/** Does jobs as they come due, a few at once. */
export class DueJobs implements AsyncDisposable {
  readonly #options: DueJobsOptions;
  readonly #rounds: Periodic;
  readonly #jobs = new Set<Promise<void>>();

  constructor(options: DueJobsOptions) {
    this.#options = options;
    const failed = (error: unknown): void => this.#complain(error);
    this.#rounds = new Periodic(EVERY_MS, () => this.#begin(), failed);
  }

  async #begin(): Promise<void> {
    const { due, ending } = this.#options;
    const free = MAX_JOBS - this.#jobs.size;
    if (free <= 0 || ending.aborted) return;
    for (const begin of await due(free)) {
      const job = begin().catch((error: unknown) => this.#complain(error));
      this.#jobs.add(job);
      void job.finally(() => this.#jobs.delete(job));
    }
  }

  #complain(error: unknown): void {
    const { log, complaint } = this.#options;
    log.error(complaint, {
      reason: messageOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  }

  /** Begins nothing more, and waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rounds[Symbol.asyncDispose]();
    await Promise.all(this.#jobs);
  }
}
