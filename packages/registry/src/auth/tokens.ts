/** Tokens of this process: signed with a key nobody else has, and worth nothing when it ends. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Access } from './users-file.ts';

/** Who a token speaks for. */
export interface TokenHolder {
  /** Undefined: anybody. */
  readonly user: string | undefined;
  readonly access: Access;
}

/** Seconds a token is good for. */
export const TOKEN_LIFE_SECONDS = 300;

const KEY_BYTES = 32;
const MAX_TOKEN_LENGTH = 2048;

/** Makes and checks tokens. */
export class Tokens {
  readonly #key = randomBytes(KEY_BYTES);

  /** A token, good from now for {@link TOKEN_LIFE_SECONDS}. */
  issue({ user, access }: TokenHolder, nowMs: number): string {
    const body = JSON.stringify({ user, access, endMs: nowMs + TOKEN_LIFE_SECONDS * 1000 });
    const payload = Buffer.from(body, 'utf8').toString('base64url');
    return `${payload}.${this.#sign(payload).toString('base64url')}`;
  }

  /** Whom a token speaks for; undefined when it is not ours, or its time is over. */
  check(token: string, nowMs: number): TokenHolder | undefined {
    if (token.length > MAX_TOKEN_LENGTH) return undefined;
    const dot = token.indexOf('.');
    const payload = token.slice(0, Math.max(0, dot));
    const signature = Buffer.from(token.slice(dot + 1), 'base64url');
    const wanted = this.#sign(payload);
    if (signature.length !== wanted.length || !timingSafeEqual(signature, wanted)) return undefined;
    // Signed by us: it is what `issue` wrote.
    const { user, access, endMs } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as {
      user?: string;
      access: Access;
      endMs: number;
    };
    return nowMs < endMs ? { user, access } : undefined;
  }

  #sign(payload: string): Buffer {
    return createHmac('sha256', this.#key).update(payload).digest();
  }
}
