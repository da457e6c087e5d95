import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { isSlipwayError } from '@slipway/core';
import { Random } from '../../packages/composefs/src/testing/random-dump.ts';
import { Allocations } from './allocations.ts';
import type { FuzzTarget } from './target.ts';

const CORPUS: string = join(import.meta.dirname, '../corpus');

/** No input of a few megabytes may make a reader ask for a larger buffer than this. */
const ALLOCATION_BYTES = 96 * 1024 * 1024;

/** An input a reader did not treat as it should. */
export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly input: Buffer;
  /** What happened instead. */
  readonly what: string;
}

/** The inputs that are known, damaged ones that were found before among them; packed where that saves room. */
export function corpusOf(target: FuzzTarget): readonly Buffer[] {
  const directory = join(CORPUS, target.name);
  const names = readdirSync(directory).sort();
  return names.map((name) => {
    const bytes = readFileSync(join(directory, name));
    return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  });
}

/**
 * Reads every known input, then one changed input for each seed; the same seeds give the same inputs on every machine.
 *
 * @returns what was not read or refused, but something else; and how many inputs were read
 */
export async function fuzz(
  target: FuzzTarget,
  seeds: Iterable<number>,
): Promise<{ readonly findings: readonly Finding[]; readonly accepted: number }> {
  const corpus = corpusOf(target);
  const allocations = new Allocations();
  const findings: Finding[] = [];
  let accepted = 0;
  const tryOne = async (input: Buffer, seed: number): Promise<void> => {
    const what = await outcomeOf(target, Buffer.from(input), allocations);
    if (what === undefined) accepted += 1;
    else if (what !== 'refused') findings.push({ target: target.name, seed, input, what });
  };
  for (const [index, input] of corpus.entries()) await tryOne(input, -1 - index);
  for (const seed of seeds) {
    const original = corpus[seed % corpus.length];
    if (original !== undefined) await tryOne(target.mutate(original, new Random(seed)), seed);
  }
  return { findings, accepted };
}

/** Undefined for an input that was read. */
async function outcomeOf(
  target: FuzzTarget,
  input: Buffer,
  allocations: Allocations,
): Promise<string | undefined> {
  let outcome: string | undefined;
  const largest = await allocations.during(async () => {
    try {
      await target.read(input);
    } catch (error) {
      outcome = isSlipwayError(error) ? 'refused' : String(error instanceof Error ? error.stack : error);
    }
  });
  return largest > ALLOCATION_BYTES ? `asked for a buffer of ${largest} bytes` : outcome;
}
