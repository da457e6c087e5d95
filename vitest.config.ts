import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { LongestFirst } from './tools/test/longest-first.ts';

/** Tests run as everything here does: on Node itself, which takes the types away. */
const experimental = { viteModuleRunner: false };

/** They start servers and other programs, or try thousands of cases: more than half a second each. */
const SLOW = '{packages/*/src,tools}/**/*.slow.test.ts';

/** Tests of one module. */
const BESIDE_THE_CODE = {
  experimental,
  // Loading the same modules for each of two hundred files takes longer than the tests do.
  isolate: false,
  // Never a measure: a machine that also emulates two others is slow.
  testTimeout: 300_000,
} as const;

const config: ViteUserConfig = defineConfig({
  test: {
    // Each file at most uses one processor for most of its time, virtual machines among them: two files at a time keep two busy.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...BESIDE_THE_CODE,
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'tools/**/*.test.ts'],
          exclude: [SLOW],
        },
      },
      {
        test: { ...BESIDE_THE_CODE, name: 'slow', include: [SLOW] },
      },
      {
        test: {
          name: 'system',
          include: ['tests/*.test.ts'],
          experimental,
          testTimeout: 1_800_000,
          hookTimeout: 1_800_000,
        },
      },
      {
        // Not part of `make test`: `make test-faults` runs them.
        test: {
          name: 'faults',
          include: ['tests/faults/*.test.ts'],
          experimental,
          testTimeout: 3_600_000,
          hookTimeout: 3_600_000,
        },
      },
    ],
  },
});

export default config;
