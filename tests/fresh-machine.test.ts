import { run } from '@slipway/core';
import { expect, test } from 'vitest';
import { ROOT } from './harness/slipway.ts';

test('a fresh machine runs the two commands of the README', { timeout: 3_600_000 }, async () => {
  const { stdout } = await run([`${ROOT}/tests/harness/fresh-machine.sh`, 'trixie', ROOT], {
    describe: 'run the README commands on a fresh Debian',
    onLine: (line) => process.stderr.write(`  fresh | ${line}\n`),
  });
  expect(stdout.toString()).toContain('both commands work on trixie');
});
