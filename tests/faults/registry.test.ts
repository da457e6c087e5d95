/** A registry, or the way to it, that fails in every way the fault proxy knows: `tests/registry-faults.test.ts`, counted by kind. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { afterAll, expect, test } from 'vitest';
import { ROOT } from '../harness/slipway.ts';
import { report, row } from './results.ts';

interface TestResults {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

const startMs = performance.now();
const kinds = new Set<string>();
const failed = new Set<string>();
let requests = 0;

afterAll(async () => {
  const registry = { kinds: kinds.size, failed: failed.size, requests };
  const title = `registry faults (${requests} requests)`;
  await report('registry', { rows: [row(title, kinds.size, failed.size, startMs)], json: { registry } });
});

test('every kind of fault of a registry is waited out, or refused by its name', async () => {
  await using dir = await makeTempDir('faults-registry');
  const results = join(dir.path, 'results.json');
  const vitest = [
    join(ROOT, 'node_modules/.bin/vitest'),
    'run',
    '--project=system',
    'tests/registry-faults.test.ts',
  ];
  await run([process.execPath, ...vitest, '--reporter=json', `--outputFile.json=${results}`], {
    describe: 'try every fault of a registry',
    cwd: ROOT,
    allowExitCodes: [1],
  });
  const { testResults } = JSON.parse(await readFile(results, 'utf8')) as TestResults;
  for (const { title, status } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
    requests += 1;
    kinds.add(title);
    if (status !== 'passed') failed.add(title);
  }
  expect([...failed]).toEqual([]);
  expect(kinds.size).toBeGreaterThan(15);
});
