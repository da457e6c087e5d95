import type { FleetEvent } from '@slipway/fleet-api';
import { advanceChain } from '../audit/advance-chain.ts';
import type { FleetDatabase, Queries } from '../database/database.ts';
import type { EventRow } from '../database/tables.ts';

/** What is told of a change. */
export interface NewEvent {
  readonly organisation: string;
  readonly kind: string;
  readonly name: string;
  readonly what: FleetEvent['what'];
  readonly message: string;
  readonly fleet: string | null;
}

/** Events kept for readers that were away. */
const KEPT = 100_000;
const POLL_MS = 1000;
const BATCH = 1000;

/**
 * Writes events in the transaction of the change they tell of, so that a reader learns of exactly what was committed. The row of the
 * counter puts writers in a line: sequences appear in their order, and a reader that goes on after one misses none.
 */
export async function recordEvents(
  transaction: Queries,
  events: readonly NewEvent[],
  nowMs: number,
): Promise<void> {
  if (events.length === 0) return;
  const { sequence } = await advanceChain(transaction, 'events', events.length);
  const rows = events.map((event, index) => ({
    ...event,
    at_ms: nowMs,
    sequence: sequence - events.length + 1 + index,
  }));
  for (let at = 0; at < rows.length; at += BATCH) {
    await transaction
      .insertInto('events')
      .values(rows.slice(at, at + BATCH))
      .execute();
  }
  if (sequence % BATCH < events.length) {
    await transaction
      .deleteFrom('events')
      .where('sequence', '<', sequence - KEPT)
      .execute();
  }
}

export function eventOf(row: EventRow): FleetEvent {
  return {
    sequence: row.sequence,
    at: new Date(row.at_ms).toISOString(),
    kind: row.kind,
    name: row.name,
    what: row.what as FleetEvent['what'],
    message: row.message,
    fleet: row.fleet,
  };
}

type Listener = (rows: readonly EventRow[]) => void;

/** Hands events of every replica to who listens here. One query a second, sooner after a change of one's own. */
export class EventHub implements AsyncDisposable {
  readonly #database: FleetDatabase;
  readonly #listeners = new Set<Listener>();
  #last = -1;
  #polling: Promise<void> | undefined;
  #again = false;
  readonly #timer: NodeJS.Timeout;

  constructor(database: FleetDatabase) {
    this.#database = database;
    this.#timer = setInterval(() => this.poke(), POLL_MS);
    this.poke();
  }

  /** Something was committed here: look at once. */
  poke(): void {
    if (this.#polling !== undefined) {
      this.#again = true;
      return;
    }
    this.#polling = this.#poll()
      .catch(() => undefined)
      .finally(() => {
        this.#polling = undefined;
        if (!this.#again) return;
        this.#again = false;
        this.poke();
      });
  }

  listen(listener: Listener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  async #poll(): Promise<void> {
    if (this.#last === -1) this.#last = await this.#newest();
    for (;;) {
      const rows = await this.#database.reads
        .selectFrom('events')
        .selectAll()
        .where('sequence', '>', this.#last)
        .orderBy('sequence')
        .limit(BATCH)
        .execute();
      if (rows.length === 0) return;
      this.#last = rows.at(-1)?.sequence ?? this.#last;
      for (const listener of this.#listeners) listener(rows);
    }
  }

  async #newest(): Promise<number> {
    const row = await this.#database.reads
      .selectFrom('events')
      .select((select) => select.fn.max('sequence').as('newest'))
      .executeTakeFirst();
    return row?.newest ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#again = false;
    await this.#polling;
    this.#listeners.clear();
  }
}
