import { setImmediate as nextTurn } from 'node:timers/promises';
import { CompiledQuery, type Kysely, type Transaction } from 'kysely';
import type { Tables } from './tables.ts';

/** Works of one commit. */
const MAX_TOGETHER = 100;
/** No work joins a commit that has been under way for longer: what is done waits for it. */
const MAX_JOIN_MS = 10;

const BEGIN_WORK: CompiledQuery = CompiledQuery.raw('savepoint work');
const UNDO_WORK: CompiledQuery = CompiledQuery.raw('rollback to work');
const END_WORK: CompiledQuery = CompiledQuery.raw('release work');

type Within = Transaction<Tables>;

/** A work in the line: what it does, and how it is told that it was committed. */
interface Waiting {
  readonly run: (transaction: Within) => Promise<void>;
  readonly committed: () => void;
  readonly failed: (reason: unknown) => void;
}

/** What is committed together. */
interface Group {
  taken: number;
  /** All of them that did not fail. */
  readonly done: Waiting[];
}

/**
 * Commits works that stand in line together: syncing the disk takes longer than most of them, and is done once for all. Each is a
 * savepoint of its own, so that one that fails leaves the others as they are; none is told that it is done before the disk has it.
 *
 * A power cut leaves all works of a commit or none of them, and of none of them was said that it is there.
 */
export class GroupCommit {
  readonly #writes: Kysely<Tables>;
  readonly #line: Waiting[] = [];
  #isAtWork = false;

  /** @param writes the one connection that writes */
  constructor(writes: Kysely<Tables>) {
    this.#writes = writes;
  }

  async transact<Result>(work: (transaction: Within) => Promise<Result>): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    let result: { readonly of: Result } | undefined;
    this.#line.push({
      run: async (transaction) => void (result = { of: await work(transaction) }),
      committed: () => {
        if (result !== undefined) resolve(result.of);
      },
      failed: reject,
    });
    if (!this.#isAtWork) void this.#workOff();
    return await promise;
  }

  async #workOff(): Promise<void> {
    this.#isAtWork = true;
    while (this.#line.length > 0) {
      // Requests that came in with this turn of the loop are in the line after it.
      await nextTurn();
      await this.#commitNext();
    }
    this.#isAtWork = false;
  }

  /** One commit. What ends it, ends all that was in it. */
  async #commitNext(): Promise<void> {
    const group: Group = { taken: 0, done: [] };
    try {
      await this.#writes
        .transaction()
        .execute(async (transaction) => await this.#runNext(transaction, group));
      for (const { committed } of group.done) committed();
    } catch (reason) {
      for (const { failed } of group.done) failed(reason);
      // It failed before it took one, as where the file cannot be written: the first hears of it, and the next tries again.
      if (group.taken === 0) this.#line.shift()?.failed(reason);
    }
  }

  async #runNext(transaction: Within, group: Group): Promise<void> {
    const untilMs = performance.now() + MAX_JOIN_MS;
    do {
      const next = this.#line.shift();
      if (next === undefined) return;
      group.taken += 1;
      await transaction.executeQuery(BEGIN_WORK);
      try {
        await next.run(transaction);
      } catch (reason) {
        next.failed(reason);
        await transaction.executeQuery(UNDO_WORK);
        await transaction.executeQuery(END_WORK);
        continue;
      }
      group.done.push(next);
      await transaction.executeQuery(END_WORK);
    } while (group.taken < MAX_TOGETHER && performance.now() < untilMs);
  }
}
