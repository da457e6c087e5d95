/** Hosts in directories under faults: full disks and killed processes. The real packages on real file systems, without a kernel. */
import { makeTempDir, run } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { hostDir } from '../packages/host/src/testing/test-host.ts';
import type { FullDiskResult, TwoKernelsResult } from './harness/host-full-disk.ts';
import { killedModel, surviveKill } from './harness/killed-update.ts';
import { ROOT } from './harness/slipway.ts';

const KILLS = 25;

describe('an update on a full disk', () => {
  test.each(['root', 'esp'] as const)(
    'leaves the old system, gives all room back, and works once there is some: %s',
    async (full) => {
      await using dir = await makeTempDir('full-disk');
      const results = await onSmallDisks<FullDiskResult>(dir.path, full);
      const code = full === 'root' ? 'NO_SPACE' : 'BOOT_SPACE';
      const refused = results.slice(0, -1);
      expect(refused.length).toBeGreaterThan(5);
      for (const result of refused) {
        expect(result).toMatchObject({ code, booted: 'old', lostBytes: 0, recovered: true });
      }
      expect(results.at(-1)).toMatchObject({ booted: 'new' });
    },
  );
});

describe('a boot partition with room for two kernels', () => {
  test('takes update after update, and the one to go back to gives way', async () => {
    await using dir = await makeTempDir('two-kernels');
    const results = await onSmallDisks<TwoKernelsResult>(dir.path, 'two-kernels');
    expect(results).toEqual([
      // After the first there is nothing to give up yet.
      { kind: 'staged', rollbackWhileStaged: false, rollback: true },
      { kind: 'staged', rollbackWhileStaged: false, rollback: true },
      { kind: 'staged', rollbackWhileStaged: false, rollback: true },
      { kind: 'staged', rollbackWhileStaged: false, rollback: true },
    ]);
  });
});

describe('an update that is killed', () => {
  test(`leaves the old system or the new one and is brought to its end, ${KILLS} times`, async () => {
    await using dir = await hostDir('killed');
    const model = await killedModel(dir.path);
    const seen = { old: 0, new: 0 };
    for (let kill = 0; kill < KILLS; kill += 1) {
      const { booted, problems } = await surviveKill(model, dir.path, (model.wholeMs * kill) / KILLS);
      seen[booted] += 1;
      expect(problems).toEqual([]);
    }
    expect(seen.old).toBeGreaterThan(0);
  });
});

/** Runs the script that mounts small file systems, in a namespace where it may. */
async function onSmallDisks<T>(directory: string, mode: string): Promise<readonly T[]> {
  const script = `${ROOT}/tests/harness/host-full-disk.ts`;
  const { stdout } = await run(
    ['unshare', '--map-root-user', '--mount', process.execPath, script, directory, mode],
    { describe: 'fill small disks', debianPackage: 'util-linux' },
  );
  const lines = stdout.toString().trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as T);
}
