import { messageOf } from '@slipway/core';
import type { GitRepositoryRow } from '../database/tables.ts';
import type { LooseHandlers } from '../http/handler.ts';
import type { Services } from '../server/services.ts';
import { lookAtRepository } from './look-at-repository.ts';
import { claimRepository, dueRepositories, saveLook } from './repository-store.ts';

const EVERY_MS = 1000;
/** Looks at once: one server that answers slowly shall not keep the others waiting. */
const MAX_LOOKS = 4;

/**
 * Follows git repositories as long as the server runs. Any number of replicas may: a look is taken by whoever moves its time on, and
 * one that a power cut ended is taken again.
 */
export class GitFollower implements AsyncDisposable {
  readonly #services: Services;
  readonly #handlers: LooseHandlers;
  readonly #timer: NodeJS.Timeout;
  readonly #looks = new Set<Promise<void>>();
  #finding: Promise<void> | undefined;

  /** @param everyMs how often it is asked whose turn it is */
  constructor(services: Services, handlers: LooseHandlers, everyMs: number = EVERY_MS) {
    this.#services = services;
    this.#handlers = handlers;
    this.#timer = setInterval(() => this.#tick(), everyMs);
  }

  #tick(): void {
    this.#finding ??= this.#find()
      .catch((error: unknown) => this.#complain(error))
      .finally(() => (this.#finding = undefined));
  }

  async #find(): Promise<void> {
    const { database, clock, ending } = this.#services;
    const free = MAX_LOOKS - this.#looks.size;
    if (free <= 0 || ending.aborted) return;
    for (const row of await dueRepositories(database.reads, clock.nowMs(), free)) {
      const look = this.#look(row).catch((error: unknown) => this.#complain(error));
      this.#looks.add(look);
      void look.finally(() => this.#looks.delete(look));
    }
  }

  async #look(row: GitRepositoryRow): Promise<void> {
    const { database, clock, hub } = this.#services;
    const claimed = await claimRepository(database, row, clock.nowMs());
    if (claimed === undefined) return;
    const found = await lookAtRepository(this.#services, this.#handlers, claimed);
    // A look the end of the server cut short says nothing about the repository: another takes it again.
    if (this.#services.ending.aborted && found.outcome.state === 'failed') return;
    await saveLook(database, claimed, found, clock.nowMs());
    hub.poke();
  }

  #complain(error: unknown): void {
    this.#services.log.error('cannot look at git repositories', {
      reason: messageOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#finding;
    await Promise.all(this.#looks);
  }
}
