import { defineConfig, type ViteUserConfig } from 'vitest/config';

/**
 * Tests that take minutes: they boot hosts, build images of several releases, fetch what they compare with, or do one thing hundreds of
 * times. `SLIPWAY_LONG_TESTS=no` leaves them out, as `tests/fresh-machine.test.ts` does on its machine, where `make demo` has just booted a
 * host four times: what is left uses each tool that set-up installs.
 */
const LONG_TESTS = [
  'base-image',
  'composefs-commands',
  'composefs-distributions',
  'composefs-reference',
  'delta',
  'disk-ext4-vm',
  'examples',
  'existing-root',
  'fleet-agent',
  'fleet-demo',
  'fleet-git',
  'fresh-machine',
  'grub-vm',
  'health-vm',
  'host-faults',
  'host-lifecycle',
  'image-config',
  'import-umoci',
  'installer-script',
  'installer-vm',
  'pull-kill',
  'rechunk',
  'registry-faults',
  'registry-server',
  'selinux-labels',
  'signatures',
  'store-power-cut-vm',
  'vm',
  'zstd-chunked',
];
const leftOut = process.env['SLIPWAY_LONG_TESTS'] === 'no' ? [`tests/{${LONG_TESTS.join(',')}}.test.ts`] : [];

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'tools/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['tests/**/*.test.ts'],
          exclude: [...leftOut, 'tests/faults/**'],
          // One system test at a time: each may start virtual machines, and two cores are all there are.
          fileParallelism: false,
          testTimeout: 1_800_000,
          hookTimeout: 1_800_000,
        },
      },
      {
        // Not part of `make test`: `make test-faults` runs them.
        test: {
          name: 'faults',
          include: ['tests/faults/*.test.ts'],
          fileParallelism: false,
          testTimeout: 3_600_000,
          hookTimeout: 3_600_000,
        },
      },
    ],
  },
});

export default config;
