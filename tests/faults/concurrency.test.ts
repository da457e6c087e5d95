/** A host that many change and look at at once, and whose clock jumps by years. */
import { join } from 'node:path';
import { run, SlipwayError } from '@slipway/core';
import { finalizeStaged, fsckHost, hostStatus, recordBoot } from '@slipway/host';
import { afterAll, expect, test } from 'vitest';
import {
  boot,
  hostDir,
  installHost,
  stage,
  type TestHost,
} from '../../packages/host/src/testing/test-host.ts';
import type { CrowdArguments } from '../harness/host-crowd.ts';
import { INSTALLED, UPDATED } from '../harness/host-images.ts';
import { ROOT } from '../harness/slipway.ts';
import { type FaultRow, report, row } from './results.ts';

const UPGRADES = 10;
const READERS = 5;
const STATUSES_EACH = 20;
const YEARS = [1970, 2038, 2000, 2106, 2026];

const rows: FaultRow[] = [];

afterAll(() => report('concurrency', { rows, json: { concurrency: { rows } } }));

test('ten upgrades and a hundred statuses at once stage one update, and every answer makes sense', async () => {
  const startMs = performance.now();
  await using dir = await hostDir('crowd');
  await installHost(dir.path, INSTALLED);
  const host = await boot(dir.path);
  await recordBoot(host);
  const { directory, bootedId } = host;
  const answers = await Promise.all([
    ...Array.from({ length: UPGRADES }, () => crowd([directory, bootedId, 'upgrade', '1'])),
    ...Array.from({ length: READERS }, () => crowd([directory, bootedId, 'status', String(STATUSES_EACH)])),
  ]);
  const kinds = answers
    .filter((answer) => answer.startsWith('upgrade'))
    .map((answer) => answer.split(' ')[1]);
  const statuses = answers.flatMap((answer) =>
    answer.startsWith('status') ? [Number(answer.split(' ')[1])] : [],
  );
  const bad = kinds.filter(
    (kind) => kind !== 'staged' && kind !== 'already-staged' && kind !== 'HOST_LOCKED',
  );
  const missing = READERS * STATUSES_EACH - statuses.reduce((sum, good) => sum + good, 0);
  const lost = bad.length + missing + (kinds.filter((kind) => kind === 'staged').length === 1 ? 0 : 1);
  rows.push(row('ten upgrades, a hundred statuses', UPGRADES + READERS * STATUSES_EACH, lost, startMs));
  expect({ bad, missing, staged: kinds.filter((kind) => kind === 'staged').length }).toEqual({
    bad: [],
    missing: 0,
    staged: 1,
  });
  const openSource = (): never => {
    throw new SlipwayError('OCI_REGISTRY_FAILED', 'cannot reach the registry');
  };
  expect((await fsckHost(host, { repair: false, openSource })).findings).toEqual([]);
});

test('a clock that jumps by years changes nothing but dates', async () => {
  const startMs = performance.now();
  await using dir = await hostDir('clock');
  await installHost(dir.path, INSTALLED);
  let lost = 0;
  let host = at(await boot(dir.path), 2026);
  await recordBoot(host);
  for (const [index, year] of YEARS.entries()) {
    host = at(host, year);
    const version = String(index + 2);
    const staged = await stage(host, {
      ...UPDATED,
      version,
      files: { ...UPDATED.files, 'usr/version': version },
    });
    await finalizeStaged(host);
    host = at(await boot(dir.path), YEARS[YEARS.length - 1 - index] ?? year);
    const { outcome } = await recordBoot(host);
    const { status } = await hostStatus(host);
    const isRight =
      staged.kind === 'staged' && outcome === 'as-expected' && status.booted?.image?.version === version;
    if (!isRight) lost += 1;
  }
  rows.push(row('a clock that jumps by years', YEARS.length, lost, startMs));
  expect(lost).toBe(0);
});

async function crowd(argv: CrowdArguments): Promise<string> {
  const script = join(ROOT, 'tests/harness/host-crowd.ts');
  const { stdout } = await run([process.execPath, script, ...argv], { describe: 'join the crowd' });
  return stdout.toString().trim();
}

function at(host: TestHost, year: number): TestHost {
  return { ...host, clock: { nowMs: () => Date.UTC(year, 5, 1) } };
}
