import { describe, expect, test } from 'vitest';
import { fuzz } from './fuzz/fuzz-target.ts';
import { FUZZ_TARGETS } from './fuzz/targets.ts';

// Scenario: whatever is in an image, an archive, a disk or a policy, its reader reads it or refuses it with an error of ours, and
// never asks for more memory than the input is worth. `make fuzz` does the same with other seeds for as long as one likes.

const ROUNDS = 600;

describe('mutated input is refused or read, never more than that', () => {
  test.each(FUZZ_TARGETS.map((target) => [target.name, target] as const))('%s', async (_name, target) => {
    const seeds = Array.from({ length: ROUNDS }, (_, seed) => seed);
    const { findings, accepted } = await fuzz(target, seeds);
    expect(findings.map(({ seed, what }) => ({ seed, what }))).toEqual([]);
    // A corpus nothing of which is read any more would test the first check of the reader only.
    expect(accepted).toBeGreaterThan(0);
  });
});
