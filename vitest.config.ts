import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { LongestFirst } from './tools/test/longest-first.ts';

/** Tests run as everything here does: on Node itself, which takes the types away. */
const experimental = { viteModuleRunner: false };

const config: ViteUserConfig = defineConfig({
  test: {
    // Each file at most uses one processor for most of its time, virtual machines among them: two files at a time keep two busy.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'tools/**/*.test.ts'],
          experimental,
          // Loading the same modules for each of two hundred files takes longer than the tests do.
          isolate: false,
          // Never a measure: a machine that also emulates two others is slow.
          testTimeout: 300_000,
        },
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
          fileParallelism: false,
          testTimeout: 3_600_000,
          hookTimeout: 3_600_000,
        },
      },
    ],
  },
});

export default config;
