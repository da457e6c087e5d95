import type { Identity } from './identity.ts';
import { secretHash } from './secret.ts';

/** How long a change of roles may take to be noticed on another replica; here it is noticed at once. */
const LIFE_MS = 2000;
const MAX = 10_000;

/** Remembers for a moment who has which secret, so that a page that asks for ten things looks its user up once. */
export class IdentityCache {
  readonly #entries = new Map<
    string,
    { readonly identity: Identity | undefined; readonly untilMs: number }
  >();

  async find(
    secret: string,
    look: () => Promise<Identity | undefined>,
    nowMs: number,
  ): Promise<Identity | undefined> {
    const key = secretHash(secret);
    const known = this.#entries.get(key);
    if (known !== undefined && known.untilMs > nowMs) return known.identity;
    const identity = await look();
    if (this.#entries.size >= MAX) this.#entries.clear();
    // Nobody is not remembered: guesses must not push out those that are known.
    if (identity !== undefined) this.#entries.set(key, { identity, untilMs: nowMs + LIFE_MS });
    return identity;
  }

  /** Something about users, roles or tokens changed. */
  forget(): void {
    this.#entries.clear();
  }
}
