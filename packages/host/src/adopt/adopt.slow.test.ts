import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootEntryValue, readBootEntries } from '@slipway/boot';
import { openRepository } from '@slipway/composefs';
import { describe, expect, test } from 'vitest';
import { recordBoot } from '../booted.ts';
import { cleanUp } from '../cleanup.ts';
import { pathExists } from '../directory.ts';
import { fsckHost } from '../fsck/fsck-host.ts';
import { rollback } from '../rollback.ts';
import { hostStatus } from '../status.ts';
import {
  bootcStreams,
  bootedBootcHost,
  installBootcHost,
  kernelOwners,
  NEW,
  NEXT,
  OLD,
  refusalOf,
} from '../testing/bootc-host.ts';
import { cuts } from '../testing/power-cuts.ts';
import { events, sourceOf } from '../testing/scenario.ts';
import {
  bless,
  boot,
  deploymentIds,
  entryNames,
  hostDir,
  partsOf,
  reboot,
  stage,
  type TestHost,
} from '../testing/test-host.ts';
import { adoptHost } from './adopt.ts';

describe('a host that bootc installed', () => {
  test('is taken over as it is, and updated, rolled back and tidied as any other', async () => {
    await using dir = await hostDir('adopt');
    const host = await bootedBootcHost(dir.path);
    const [old] = (await deploymentIds(dir.path)).filter((id) => id !== host.bootedId);
    const origin = await readFile(host.layout.deployment(host.bootedId).origin, 'utf8');
    expect(await entryNames(dir.path)).toEqual(['bootc_test_os-7.1-1.conf', 'bootc_test_os-7.1-0.conf']);

    expect(await adoptHost(host, { dryRun: true })).toMatchObject({ kind: 'would-adopt' });
    expect(await entryNames(dir.path)).toHaveLength(2);
    expect((await adoptHost(host)).steps).toEqual([
      { kind: 'write-entry', fileName: 'slipway-1.conf', deployment: old },
      { kind: 'write-entry', fileName: 'slipway-2.conf', deployment: host.bootedId },
      { kind: 'remove-entry', fileName: 'bootc_test_os-7.1-0.conf', deployment: old },
      { kind: 'remove-entry', fileName: 'bootc_test_os-7.1-1.conf', deployment: host.bootedId },
      { kind: 'record' },
    ]);
    expect(await entryNames(dir.path)).toEqual(['slipway-2.conf', 'slipway-1.conf']);
    expect(await adoptHost(host)).toEqual({ kind: 'nothing-to-do', steps: [] });
    expect(await readFile(host.layout.deployment(host.bootedId).origin, 'utf8')).toBe(origin);
    const { status, slipway } = await hostStatus(host);
    expect([status.booted?.composefs.verity, status.rollback?.composefs.verity]).toEqual([
      host.bootedId,
      old,
    ]);
    expect(slipway).toMatchObject({ health: 'good', problems: [] });
    expect((await events(host)).slice(-1)).toEqual(['adopted']);
    const [first] = (await readBootEntries(host.esp)).entries;
    expect(first?.entry.fields).toContainEqual({ key: 'title', value: 'Test Linux 7 (2)' });

    const started = await boot(dir.path);
    expect(started.bootedId).toBe(host.bootedId);
    await recordBoot(started);
    expect(await stage(started, NEXT)).toMatchObject({ kind: 'staged' });
    const updated = await reboot(started);
    await bless(updated);
    await recordBoot(updated);
    expect(updated.bootedId).not.toBe(started.bootedId);
    // The kernel did not change: the new deployment starts bootc's; that of the deployment that went is gone.
    expect(await kernelOwners(updated)).toEqual(['bootc_composefs']);
    expect(await deploymentIds(dir.path)).toEqual([started.bootedId, updated.bootedId].toSorted());

    expect(await rollback(updated)).toMatchObject({ kind: 'queued', deployment: started.bootedId });
    const back = await boot(dir.path);
    await bless(back);
    await recordBoot(back);
    expect(back.bootedId).toBe(started.bootedId);
    expect(await cleanUp(back)).toMatchObject({ kind: 'cleaned' });
    expect((await hostStatus(back)).slipway.problems).toEqual([]);
  });
});

async function references(host: TestHost): Promise<number> {
  return (await openRepository(host.layout.composefs)).streamRefs.list().length;
}

describe('what bootc keeps in the object store', () => {
  const BEFORE = [
    'oci-config ociconfg',
    'oci-config ociconfg',
    'oci-layer ocilayer',
    'oci-layer ocilayer',
    'oci-layer ocilayer',
    'oci-layer ocilayer',
    'oci-manifest ocimanif',
    'oci-manifest ocimanif',
  ];

  test("stays while it is bootc's, and while its deployments live", async () => {
    await using dir = await hostDir('adopt');
    await installBootcHost(dir.path);
    // What a collection of bootc's may have left.
    const unused = `EFI/Linux/bootc_composefs-${'ab'.repeat(64)}`;
    await mkdir(join(partsOf(dir.path).esp, unused));
    const host = await boot(dir.path);
    await recordBoot(host);
    await expect(cleanUp(host)).rejects.toThrow(/which another program wrote, would still start first/);
    expect(await pathExists(join(host.esp, unused))).toBe(true);
    expect(await bootcStreams(host)).toEqual(BEFORE);
    await adoptHost(host);
    await cleanUp(host);
    expect(await pathExists(join(host.esp, unused))).toBe(false);
    expect(await bootcStreams(host)).toEqual(BEFORE);
    expect(await references(host)).toBe(2);
    const repository = await openRepository(host.layout.composefs);
    // Those that boot, and one in a format only bootc reads.
    expect(repository.listImages()).toHaveLength(3);
    expect(await fsckHost(host, { repair: false, openSource: () => sourceOf(host) })).toEqual({
      kind: 'clean',
      findings: [],
    });
  });

  test('and its kernels, are checked and repaired as our own', async () => {
    await using dir = await hostDir('adopt');
    const host = await bootedBootcHost(dir.path);
    const { entries } = await readBootEntries(host.esp);
    const linux = join(host.esp, bootEntryValue(entries[0]?.entry ?? { fields: [] }, 'linux') ?? '');
    const whole = await readFile(linux);
    await writeFile(linux, 'damaged');
    const openSource = () => sourceOf(host);
    expect(await fsckHost(host, { repair: true, openSource })).toMatchObject({ kind: 'damaged' });
    expect(await readFile(linux, 'utf8')).toBe('damaged');
    await adoptHost(host);
    expect(await fsckHost(host, { repair: true, openSource })).toMatchObject({ kind: 'repaired' });
    expect(await readFile(linux)).toEqual(whole);
  });

  test('goes with the deployment', async () => {
    await using dir = await hostDir('adopt');
    const host = await bootedBootcHost(dir.path);
    await adoptHost(host);
    await stage(host, NEXT);
    const updated = await reboot(host);
    await bless(updated);
    await recordBoot(updated);
    expect(await references(updated)).toBe(1);
    const streams = await bootcStreams(updated);
    expect(streams.filter((name) => name.startsWith('oci-manifest'))).toHaveLength(1);
    const repository = await openRepository(updated.layout.composefs);
    expect(await repository.fsck()).toEqual([]);
  });
});

test('power that fails while a host is taken over leaves what boots as it is, and it is taken over', async () => {
  await using dir = await hostDir('adopt-cut');
  const host = await bootedBootcHost(join(dir.path, 'machine'));
  const taken = await cuts(dir.path, host, adoptHost);
  expect(taken.map(({ point }) => point)).toEqual([
    'entry-written',
    'entry-written',
    'entry-removed',
    'entry-removed',
    'adoption-recorded',
  ]);
  for (const { directory } of taken) {
    const started = await boot(directory);
    expect(started.bootedId).toBe(host.bootedId);
    await recordBoot(started);
    await adoptHost(started);
    expect(await entryNames(directory)).toEqual(['slipway-2.conf', 'slipway-1.conf']);
    expect(await pathExists(started.layout.adopted)).toBe(true);
    expect(await deploymentIds(directory)).toHaveLength(2);
  }
});

describe('a host is not taken over', () => {
  /** Everything is put right that would stand against it but this. */
  async function refusedWith(change: (host: TestHost) => Promise<unknown>): Promise<string> {
    await using dir = await hostDir('refused');
    const host = await bootedBootcHost(dir.path);
    const changed = (await change(host)) as TestHost | undefined;
    const before = await entryNames(dir.path);
    const message = await refusalOf(() => adoptHost(changed ?? host));
    expect(await entryNames(dir.path)).toEqual(before);
    expect(await pathExists(host.layout.adopted)).toBe(false);
    return message;
  }

  const primary = (host: TestHost): string => join(host.esp, 'loader/entries/bootc_test_os-7.1-1.conf');
  const rewrite = async (host: TestHost, from: string | RegExp, to: string): Promise<void> =>
    await writeFile(primary(host), (await readFile(primary(host), 'utf8')).replace(from, to));

  test.each([
    [
      'while bootc has an update ready',
      async (host: TestHost) => {
        await mkdir(host.bootcRunDirectory);
        await writeFile(join(host.bootcRunDirectory, 'staged-deployment'), '{}');
      },
      /bootc has an update ready$/,
    ],
    [
      'with staged entries',
      (host: TestHost) => mkdir(join(host.esp, 'loader/entries.staged')),
      /bootc has an update ready$/,
    ],
    [
      'from a unified kernel image',
      (host: TestHost) => rewrite(host, /linux .*\ninitrd .*/, 'uki /EFI/Linux/bootc/x.efi'),
      /starts a unified kernel image; /,
    ],
    [
      'with another way to name the deployment',
      (host: TestHost) => rewrite(host, 'composefs=', 'composefs.digest=v1-sha512-12:00 composefs='),
      /does not say by composefs= alone/,
    ],
    [
      'whose kernels are elsewhere',
      (host: TestHost) => rm(join(host.esp, 'EFI'), { recursive: true }),
      /vmlinuz and .*initrd of the deployment \w+ are not on the boot partition; /,
    ],
    [
      'without an origin file',
      (host: TestHost) => rm(host.layout.deployment(host.bootedId).origin),
      /has no origin file$/,
    ],
    [
      'whose store is not understood',
      (host: TestHost) => writeFile(join(host.layout.composefs, 'meta.json'), '{"version":2}'),
      /version 2 is not 1$/,
    ],
    [
      'while boots are counted',
      (host: TestHost) => rename(primary(host), primary(host).replace('.conf', '+3.conf')),
      /boots of bootc_test_os-7\.1-1\+3\.conf are still counted$/,
    ],
    [
      'that is set to start an entry by default',
      async (host: TestHost) => ({ ...host, pinnedEntry: async () => 'bootc_test_os-7.1-0.conf' }),
      /is set to start bootc_test_os-7\.1-0\.conf by default$/,
    ],
    [
      "whose initramfs is bootc's",
      async (host: TestHost) => ({
        ...host,
        mountInfo: async () => (await host.mountInfo()).replace('/sysroot rw', '/sysroot ro'),
      }),
      /\/sysroot is mounted read-only: the initramfs is bootc's$/,
    ],
    [
      'where something else would start first',
      (host: TestHost) =>
        writeFile(
          join(host.esp, 'loader/entries/mine.conf'),
          `sort-key aaa\nlinux /l\noptions composefs=${host.bootedId}\n`,
        ),
      /mine\.conf, which another program wrote, would start first$/,
    ],
    [
      'whose entry has a name of its own',
      (host: TestHost) => writeFile(join(host.esp, 'loader/entries/bootc_a b.conf'), 'linux /l\n'),
      /bootc_a b\.conf cannot be read$/,
    ],
  ])('%s', async (_what, change, message) => {
    expect(await refusedWith(change)).toMatch(message);
  });

  test('whose image has no Slipway, or does not start it', async () => {
    for (const [without, message] of [
      [
        'usr/lib/systemd/system/slipway-finalize.service',
        /the running image has no .*slipway-finalize\.service$/,
      ],
      [
        'etc/systemd/system/multi-user.target.wants/slipway-booted.service',
        /nothing starts slipway-booted\.service$/,
      ],
    ] as const) {
      await using dir = await hostDir('refused');
      const { [without]: _gone, ...files } = NEW.files;
      await installBootcHost(dir.path, [OLD, { ...NEW, files }]);
      const host = await boot(dir.path);
      expect(await refusalOf(() => adoptHost(host))).toMatch(message);
    }
  });

  test('while bootc is at work', async () => {
    await using dir = await hostDir('refused');
    const host = await bootedBootcHost(dir.path);
    const repository = await openRepository(host.layout.composefs);
    using _bootc = await repository.lock('shared');
    expect(await refusalOf(() => adoptHost(host))).toMatch(/object store/);
    expect((await adoptHost(host, { dryRun: true })).kind).toBe('would-adopt');
  });

  test('and every reason is told at once', async () => {
    const message = await refusedWith(async (host) => {
      await rm(host.layout.deployment(host.bootedId).origin);
      await mkdir(join(host.esp, 'loader/entries.staged'));
    });
    expect(message).toMatch(
      /^cannot adopt this host: bootc has an update ready; the deployment \w+ has no origin file$/,
    );
  });
});
