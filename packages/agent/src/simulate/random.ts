import { hash } from 'node:crypto';

/** Numbers from 0 to 1, the same for the same seed: SHA-256 of seed and counter. */
export function seededRandom(seed: string): () => number {
  let counter = 0;
  return () => {
    counter += 1;
    return hash('sha256', `${seed}/${counter}`, 'buffer').readUIntBE(0, 6) / 2 ** 48;
  };
}
