import { hash, randomBytes } from 'node:crypto';

/** A secret of 256 bits. Its prefix says what it is to people and to scanners of leaked secrets. */
export function newSecret(kind: 'session' | 'token' | 'enrolment'): string {
  return `slipway_${kind}_${randomBytes(32).toString('base64url')}`;
}

/** What the database keeps of a secret. They are random, so that a plain hash cannot be guessed back. */
export function secretHash(secret: string): string {
  return hash('sha256', secret, 'hex');
}
