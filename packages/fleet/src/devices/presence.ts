import { type Logger, messageOf } from '@slipway/core';
import type { FleetDatabase } from '../database/database.ts';

/** When and where a device was last here. */
export interface LastSeen {
  readonly seenMs: number;
  readonly address: string;
  /** How often it is asked to come. */
  readonly intervalSeconds: number;
}

/** Kept in one object for each device, changed in place: a hundred thousand of them check in every minute. */
type Seen = { -readonly [Key in keyof LastSeen]: LastSeen[Key] } & { writtenMs: number };

/** What is written of a device that says nothing new: this often at most. */
const WRITE_EVERY_MS = 60_000;
const FLUSH_EVERY_MS = 5000;
const BATCH = 200;

/**
 * When devices were last seen. A check-in changes memory; the database gets each device once a minute, many in one transaction.
 *
 * A power cut loses up to a minute of these times and nothing else: the devices are seen again a minute later.
 */
export class Presence implements AsyncDisposable {
  readonly #database: FleetDatabase;
  readonly #log: Logger;
  readonly #seen = new Map<string, Seen>();
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> | undefined;

  constructor(database: FleetDatabase, log: Logger) {
    this.#database = database;
    this.#log = log;
    this.#timer = setInterval(() => void this.flush(Date.now(), false), FLUSH_EVERY_MS);
  }

  /** A device was here. Whether it had been here before since the server started. */
  saw(device: string, nowMs: number, address: string, intervalSeconds: number): void {
    const entry = this.#seen.get(device);
    if (entry === undefined)
      this.#seen.set(device, { seenMs: nowMs, writtenMs: 0, address, intervalSeconds });
    else {
      entry.seenMs = nowMs;
      entry.address = address;
      entry.intervalSeconds = intervalSeconds;
    }
  }

  /** What this process knows and the database does not yet. */
  lastSeen(device: string): LastSeen | undefined {
    return this.#seen.get(device);
  }

  async flush(nowMs: number, all: boolean): Promise<void> {
    await this.#flushing;
    this.#flushing = this.#write(nowMs, all)
      .catch((error: unknown) =>
        this.#log.warn('cannot write when devices were seen', { reason: messageOf(error) }),
      )
      .finally(() => (this.#flushing = undefined));
    await this.#flushing;
  }

  async #write(nowMs: number, all: boolean): Promise<void> {
    const due = [...this.#seen].filter(
      ([, seen]) => seen.seenMs > seen.writtenMs && (all || nowMs - seen.writtenMs >= WRITE_EVERY_MS),
    );
    for (let at = 0; at < due.length; at += BATCH) {
      const batch = due.slice(at, at + BATCH);
      const rows = batch.map(([device, seen]) => ({
        device,
        seen_ms: seen.seenMs,
        address: seen.address,
        interval_seconds: seen.intervalSeconds,
      }));
      await this.#database.transact((transaction) =>
        transaction
          .insertInto('device_presence')
          .values(rows)
          .onConflict((conflict) =>
            conflict.column('device').doUpdateSet((row) => ({
              seen_ms: row.ref('excluded.seen_ms'),
              address: row.ref('excluded.address'),
              interval_seconds: row.ref('excluded.interval_seconds'),
            })),
          )
          .execute(),
      );
      for (const [index, [, seen]] of batch.entries()) seen.writtenMs = rows[index]?.seen_ms ?? 0;
      // Check-ins go between two batches.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#forgetGone(nowMs);
  }

  /** Devices not seen for a day need no memory. */
  #forgetGone(nowMs: number): void {
    for (const [device, seen] of this.#seen) if (nowMs - seen.seenMs > 86_400_000) this.#seen.delete(device);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.flush(Date.now(), true);
  }
}
