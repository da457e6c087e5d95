import type { Random } from '../../packages/composefs/src/testing/random-dump.ts';

/** One reader of what anybody may have made. */
export interface FuzzTarget {
  /** Name of its directory in the corpus. */
  readonly name: string;
  /** Makes an input of one that is known. */
  mutate(original: Uint8Array, random: Random): Buffer;
  /** Reads an input to its end, and all it leads to. May throw nothing but a SlipwayError. */
  read(bytes: Buffer): Promise<void>;
}
