import { SlipwayError } from '@slipway/core';

const WINDOW_MS = 300_000;
const MAX_FAILURES = 10;
const MAX_ENTRIES = 100_000;

/** Slows down who guesses passwords: ten failures in five minutes for a user or from an address, then none is looked at. */
export class LoginGuard {
  readonly #failures = new Map<string, { count: number; untilMs: number }>();

  /** @throws SlipwayError FLEET_TOO_MANY_TRIES */
  check(keys: readonly string[], nowMs: number): void {
    for (const key of keys) {
      const entry = this.#failures.get(key);
      if (entry === undefined || entry.untilMs <= nowMs || entry.count < MAX_FAILURES) continue;
      throw new SlipwayError('FLEET_TOO_MANY_TRIES', 'cannot log in now: there were too many failures', {
        hint: `try again in ${Math.ceil((entry.untilMs - nowMs) / 60_000)} minutes`,
      });
    }
  }

  failed(keys: readonly string[], nowMs: number): void {
    if (this.#failures.size > MAX_ENTRIES) this.#failures.clear();
    for (const key of keys) {
      const entry = this.#failures.get(key);
      if (entry === undefined || entry.untilMs <= nowMs)
        this.#failures.set(key, { count: 1, untilMs: nowMs + WINDOW_MS });
      else entry.count += 1;
    }
  }

  succeeded(keys: readonly string[]): void {
    for (const key of keys) this.#failures.delete(key);
  }
}
