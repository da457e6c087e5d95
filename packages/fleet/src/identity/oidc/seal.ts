import { randomBytes } from 'node:crypto';
import { EncryptJWT, type JWTPayload, jwtDecrypt } from 'jose';
import type { FleetDatabase } from '../../database/database.ts';
import { settingMadeOnce } from '../../database/setting.ts';

const KEY_BYTES = 32;

/** What is sealed for: what was made for one is none for the other. */
export type SealPurpose = 'browser-login' | 'device-login';

/**
 * Gives what must come back unread and unchanged to whoever asks: a login under way is kept by the browser or the program that began
 * it, so that any replica may end it and nobody can fill the server with logins that never end (JWE, `dir` with A256GCM).
 */
export class Seal {
  readonly #key: Uint8Array;

  private constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** With the key of all replicas. */
  static async open(database: FleetDatabase): Promise<Seal> {
    const made = randomBytes(KEY_BYTES).toString('base64url');
    const value = await settingMadeOnce(database, 'login-seal', made);
    return new Seal(new Uint8Array(Buffer.from(value, 'base64url')));
  }

  async close(purpose: SealPurpose, content: JWTPayload, untilMs: number): Promise<string> {
    return await new EncryptJWT(content)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setAudience(purpose)
      .setExpirationTime(Math.floor(untilMs / 1000))
      .encrypt(this.#key);
  }

  /** Undefined when it is broken, of another purpose or too old. */
  async open(purpose: SealPurpose, sealed: string, nowMs: number): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtDecrypt(sealed, this.#key, {
        audience: purpose,
        currentDate: new Date(nowMs),
        requiredClaims: ['exp'],
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      return payload;
    } catch {
      return undefined;
    }
  }
}
