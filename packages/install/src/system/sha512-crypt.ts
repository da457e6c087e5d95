import { createHash } from 'node:crypto';

/** Characters of crypt(5), least significant six bits first. */
const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const DEFAULT_ROUNDS = 5000;
/** About a third of a second here: what a guess costs who steals the disk. */
export const PASSWORD_ROUNDS = 100_000;

/**
 * `$6$` of crypt(5): SHA-512 as its specification of 2007 stretches it.
 *
 * @param salt up to 16 characters of the crypt alphabet
 */
export function sha512Crypt(password: string, salt: string, rounds: number = DEFAULT_ROUNDS): string {
  const key = Buffer.from(password);
  const saltBytes = Buffer.from(salt.slice(0, 16));
  const first = stretched(key, saltBytes);
  const keyBytes = repeated(sha512(...Array.from({ length: key.length }, () => key)), key.length);
  const saltTimes = 16 + first.readUInt8(0);
  const saltSequence = repeated(
    sha512(...Array.from({ length: saltTimes }, () => saltBytes)),
    saltBytes.length,
  );
  let digest = first;
  for (let round = 0; round < rounds; round += 1) {
    const hash = createHash('sha512');
    hash.update(round % 2 === 1 ? keyBytes : digest);
    if (round % 3 !== 0) hash.update(saltSequence);
    if (round % 7 !== 0) hash.update(keyBytes);
    hash.update(round % 2 === 1 ? digest : keyBytes);
    digest = hash.digest();
  }
  const parameter = rounds === DEFAULT_ROUNDS ? '' : `rounds=${rounds}$`;
  return `$6$${parameter}${saltBytes.toString()}$${encoded(digest)}`;
}

/** Sixteen characters of salt that are the same for the same seed. */
export function saltOf(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest();
  return Array.from(bytes.subarray(0, 16), (byte) => ALPHABET[byte % 64]).join('');
}

/** The digest the rounds begin with: key, salt, and a second digest spread over the length of the key. */
function stretched(key: Buffer, salt: Buffer): Buffer {
  const second = sha512(key, salt, key);
  const parts: Buffer[] = [key, salt, repeated(second, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) parts.push(bits % 2 === 1 ? second : key);
  return sha512(...parts);
}

function sha512(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function repeated(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}

/** Three bytes to four characters, the bytes taken from thirds of the digest that change places each time. */
function encoded(digest: Buffer): string {
  let text = '';
  for (let at = 0; at < 21; at += 1) {
    const thirds = [at, at + 21, at + 42];
    const [high = 0, middle = 0, low = 0] = [0, 1, 2].map((each) => digest[thirds[(each + at) % 3] ?? 0]);
    text += sixBits((high << 16) | (middle << 8) | low, 4);
  }
  return text + sixBits(digest[63] ?? 0, 2);
}

function sixBits(value: number, characters: number): string {
  return Array.from({ length: characters }, (_, at) => ALPHABET[(value >> (6 * at)) & 63]).join('');
}
