/** An update on a disk that fills up, at every write of it: the old system stays, the room comes back, and the error says what is full. */
import { makeTempDir, run } from '@slipway/core';
import { afterAll, describe, expect, test } from 'vitest';
import type { FullDiskResult } from '../harness/host-full-disk.ts';
import { ROOT } from '../harness/slipway.ts';
import { type FaultRow, report, row } from './results.ts';

const rows: FaultRow[] = [];

afterAll(async () => {
  const total = (of: (one: FaultRow) => number): number => rows.reduce((sum, one) => sum + of(one), 0);
  const enospc = { tried: total(({ tried }) => tried), lost: total(({ lost }) => lost) };
  await report('full-disk', { rows, json: { enospc } });
});

describe('a disk that fills up during an update', () => {
  test.each(['root', 'esp'] as const)('leaves the old system and gives all room back: %s', async (full) => {
    const startMs = performance.now();
    await using dir = await makeTempDir('faults-full');
    const script = [`${ROOT}/tests/harness/host-full-disk.ts`, dir.path, full];
    const { stdout } = await run(['unshare', '--map-root-user', '--mount', process.execPath, ...script], {
      describe: 'fill small disks',
      debianPackage: 'util-linux',
    });
    const lines = stdout.toString().trimEnd().split('\n');
    const results = lines.map((line) => JSON.parse(line) as FullDiskResult);
    const code = full === 'root' ? 'NO_SPACE' : 'BOOT_SPACE';
    const refused = results.slice(0, -1);
    const lost = refused.filter(
      (one) => one.code !== code || one.booted !== 'old' || one.lostBytes > 0 || !one.recovered,
    );
    rows.push(row(`full disk: ${full}`, results.length, lost.length, startMs));
    expect(lost).toEqual([]);
    expect(refused.length).toBeGreaterThan(5);
    const last = results.at(-1);
    expect({ code: last?.code, booted: last?.booted }).toEqual({ code: undefined, booted: 'new' });
  });
});
