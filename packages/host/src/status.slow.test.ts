import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError, silentLog } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { recordBoot } from './booted.ts';
import { rollback } from './rollback.ts';
import { hostStatus, publishStatus } from './status.ts';
import { editEtc, events, installed, V2, V3 } from './testing/scenario.ts';
import { bless, hostDir, reboot, stage, systemOf } from './testing/test-host.ts';

describe('the status', () => {
  test('of a machine that is no host has nothing booted', async () => {
    await using dir = await hostDir('host');
    const system = {
      ...systemOf(dir.path, 'ab'.repeat(32)),
      mountInfo: async () => '1 1 8:1 / / rw - ext4 /dev/vda1 rw\n',
    };
    expect(await hostStatus(system)).toMatchObject({
      apiVersion: 'org.containers.bootc/v1',
      status: { booted: null, type: null },
    });
    const thrown: unknown = await rollback(system).catch((error: unknown) => error);
    expect(isSlipwayError(thrown, 'NOT_A_SLIPWAY_HOST')).toBe(true);
  });

  test('shows what is staged, booted and can be gone back to', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await editEtc(v1);
    await stage(v1, V2);
    const v2 = await reboot(v1);
    await recordBoot(v2);
    await writeFile(join(v2.etc, 'default'), 'mine');
    const staged = await stage(v2, V3);
    const { status, spec, slipway } = await hostStatus(v2);
    expect(spec).toMatchObject({ image: { transport: 'oci' }, bootOrder: 'default' });
    expect(status.booted).toMatchObject({
      image: { version: '2', architecture: 'amd64', timestamp: '2023-11-14T22:13:20Z' },
      composefs: { verity: v2.bootedId, bootType: 'Bls', bootloader: 'systemd', missingVerityAllowed: false },
    });
    expect(status.staged?.composefs.verity).toBe(staged.deployment);
    expect(status.rollback?.composefs.verity).toBe(v1.bootedId);
    expect(status.otherDeployments).toEqual([]);
    expect(slipway).toMatchObject({
      nextBoot: staged.deployment,
      health: 'unconfirmed',
      bootCounter: { triesLeft: 2, triesDone: 1 },
      staged: { etcConflicts: [{ path: '/etc/default', kind: 'both-changed' }] },
      problems: [],
    });
    await bless(v2);
    expect((await hostStatus(v2)).slipway).toMatchObject({ health: 'good', bootCounter: null });
  });

  test('is written down for those who may not look', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await publishStatus(v1, silentLog);
    const text = await readFile(join(v1.runDirectory, 'status.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({
      status: { booted: { composefs: { verity: v1.bootedId } } },
      slipway: { asOf: expect.stringMatching(/^2026-/) },
    });
  });

  test('survives damaged files', async () => {
    await using dir = await hostDir('host');
    const v1 = await installed(dir.path);
    await writeFile(v1.layout.deployment(v1.bootedId).origin, '\0\0\0');
    await writeFile(join(v1.esp, 'loader/entries/slipway-9.conf'), '\0');
    await writeFile(v1.layout.history, '{"time":"2026-01-01T00:00:00Z","event":"stag');
    const { status, slipway } = await hostStatus(v1);
    expect(status.booted).toMatchObject({ image: null, composefs: { verity: v1.bootedId } });
    expect(slipway.problems).toHaveLength(2);
    await stage(v1, V2);
    expect(await events(v1)).toEqual(['staged']);
  });
});
