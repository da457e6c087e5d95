/**
 * Passwords as scrypt hashes in the PHC string format, `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`: the one good hash Node can check by
 * itself, and the form passlib and others write.
 */

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** A parsed hash. */
export interface PasswordHash {
  /** Logarithm of the cost. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** What OWASP's password storage cheat sheet has for scrypt in 32 MiB. */
const COST = { ln: 15, r: 8, p: 3 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** A file from outside must not make one login take all memory: 128 MiB at most. */
const MAX_LN = 17;
const MAX_R = 8;
const MAX_P = 16;
const PHC =
  /^\$scrypt\$ln=(?<ln>[0-9]{1,2}),r=(?<r>[0-9]{1,2}),p=(?<p>[0-9]{1,2})\$(?<salt>[A-Za-z0-9+/]{11,86})\$(?<hash>[A-Za-z0-9+/]{22,86})$/;

/** Reads a hash; undefined for what is none, or would cost too much to check. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const groups = PHC.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const [ln, r, p] = [Number(groups['ln']), Number(groups['r']), Number(groups['p'])];
  if (ln < 1 || ln > MAX_LN || r < 1 || r > MAX_R || p < 1 || p > MAX_P) return undefined;
  const salt = Buffer.from(groups['salt'] ?? '', 'base64');
  return { ln, r, p, salt, hash: Buffer.from(groups['hash'] ?? '', 'base64') };
}

/** Hashes a password, as text for a users file. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, { ...COST, salt }, HASH_BYTES);
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** Whether a password is the one that was hashed. */
export async function isPassword(password: string, wanted: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, wanted, wanted.hash.length), wanted.hash);
}

/** A hash no password fits, which takes as long to check as another. */
export const NOBODY: PasswordHash = {
  ...COST,
  salt: randomBytes(SALT_BYTES),
  hash: randomBytes(HASH_BYTES),
};

async function derive(
  password: string,
  { ln, r, p, salt }: Omit<PasswordHash, 'hash'>,
  lengthBytes: number,
): Promise<Buffer> {
  const N = 2 ** ln;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  // Twice what RFC 7914 needs: 128 * r bytes for each of N steps and p lanes.
  const maxmem = 256 * r * (N + p + 2);
  scrypt(password, salt, lengthBytes, { N, r, p, maxmem }, (error, key) => {
    if (error) reject(error);
    else resolve(key);
  });
  return await promise;
}

/** The PHC format has base64 without padding. */
function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
