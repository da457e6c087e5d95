import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootEntryValue, compareBootEntries, readBootEntries } from '@slipway/boot';
import { openRepository } from '@slipway/composefs';
import { isSlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { recordBoot } from '../booted.ts';
import { cleanUp } from '../cleanup.ts';
import { pathExists } from '../directory.ts';
import { fsckHost } from '../fsck/fsck-host.ts';
import { setPinned } from '../pin.ts';
import { rollback } from '../rollback.ts';
import { hostStatus } from '../status.ts';
import { installBootcHost, NEW, OLD } from '../testing/bootc-host.ts';
import { cuts } from '../testing/power-cuts.ts';
import { events, installed, sourceOf } from '../testing/scenario.ts';
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
import type { TestImage } from '../testing/test-image.ts';
import { adoptHost } from './adopt.ts';
import { giveHostBack } from './give-back.ts';

/** A release that follows. */
const NEXT: TestImage = { ...NEW, version: '3', files: { ...NEW.files, 'etc/default': 'v3' } };

async function bootcHost(directory: string): Promise<TestHost> {
  await installBootcHost(directory);
  const host = await boot(directory);
  await recordBoot(host);
  return host;
}

async function refusalOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'done';
  } catch (thrown) {
    return isSlipwayError(thrown, 'ADOPTION_REFUSED') ? thrown.message : String(thrown);
  }
}

async function kernels({ esp }: TestHost): Promise<readonly string[]> {
  return (await readdir(join(esp, 'EFI/Linux'))).map((name) => name.replace(/-.*/, '')).toSorted();
}

describe('a host that bootc installed', () => {
  test('is taken over as it is, and updated, rolled back and tidied as any other', async () => {
    await using dir = await hostDir('adopt');
    const host = await bootcHost(dir.path);
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
    expect(await kernels(updated)).toEqual(['bootc_composefs']);
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

/** What bootc says of a deployment in the object store. */
async function bootcStreams(host: TestHost): Promise<readonly string[]> {
  const repository = await openRepository(host.layout.composefs);
  return repository.listStreams().flatMap((name) => {
    const stream = repository.readSplitstream(name);
    return stream === undefined ? [] : [`${name.replace(/-sha256.*/, '')} ${stream.contentType}`];
  });
}

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
    const host = await bootcHost(dir.path);
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
    const host = await bootcHost(dir.path);
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

describe('a host that was taken over', () => {
  test('is given back as bootc left it', async () => {
    await using dir = await hostDir('give-back');
    const host = await bootcHost(dir.path);
    const before = await readBootEntries(host.esp);
    await adoptHost(host);
    expect((await giveHostBack(host, { dryRun: true })).kind).toBe('would-give-back');
    expect((await giveHostBack(host)).kind).toBe('given-back');
    const after = await readBootEntries(host.esp);
    const linesOf = ({ entries }: typeof after) =>
      entries.map(({ fileName, entry }) => ({ fileName, entry }));
    expect(linesOf(after)).toEqual(linesOf(before));
    expect(await pathExists(host.layout.adopted)).toBe(false);
    expect((await events(host)).slice(-2)).toEqual(['adopted', 'given-back']);
    expect(await giveHostBack(host)).toMatchObject({ kind: 'nothing-to-do' });
    expect((await adoptHost(host)).kind).toBe('adopted');
  });

  test('is given back with what Slipway brought', async () => {
    await using dir = await hostDir('give-back');
    const host = await bootcHost(dir.path);
    await adoptHost(host);
    // Another kernel: Slipway writes a directory of its own.
    const kernel = { 'usr/lib/modules/6.12/vmlinuz': 'newest kernel '.repeat(100) };
    await stage(host, { ...NEW, version: '3', files: { ...NEW.files, ...kernel } });
    const updated = await reboot(host);
    const store = await openRepository(updated.layout.composefs);
    const overwritten = store.listStreams().filter((name) => store.readStream(name) !== undefined);
    expect(overwritten.filter((name) => name.startsWith('oci-layer-'))).toHaveLength(2);
    expect(await refusalOf(() => giveHostBack(updated))).toMatch(/boots of slipway-3\+2-1\.conf are counted/);
    await bless(updated);
    await recordBoot(updated);
    expect(await kernels(updated)).toEqual(['bootc_composefs', 'slipway']);

    const { steps } = await giveHostBack(updated);
    expect(steps.map(({ kind }) => kind)).toEqual([
      'write-streams',
      'write-streams',
      'write-kernel',
      'write-entry',
      'write-entry',
      'remove-entry',
      'remove-entry',
      'tidy',
      'forget',
    ]);
    expect(await entryNames(dir.path)).toEqual(['bootc_test_os-7.1-1.conf', 'bootc_test_os-7.1-0.conf']);
    const { entries } = await readBootEntries(updated.esp);
    expect(entries.toReversed().toSorted(compareBootEntries)).toEqual(entries);
    expect(entries[0]?.entry.fields).toEqual([
      { key: 'title', value: 'Test Linux 7' },
      { key: 'version', value: '7.1' },
      { key: 'sort-key', value: 'bootc-test-os-0' },
      { key: 'linux', value: `/EFI/Linux/bootc_composefs-${updated.bootedId}/vmlinuz` },
      { key: 'initrd', value: `/EFI/Linux/bootc_composefs-${updated.bootedId}/initrd` },
      { key: 'options', value: expect.stringContaining(`composefs=${updated.bootedId}`) },
    ]);
    expect(await kernels(updated)).toEqual(['bootc_composefs', 'bootc_composefs']);
    const repository = await openRepository(updated.layout.composefs);
    const records = repository.listStreams().filter((name) => repository.readStream(name) !== undefined);
    expect(records.filter((name) => name.startsWith('oci-'))).toEqual([]);
    const digest = (await hostStatus(updated)).status.booted?.image?.imageDigest;
    const manifest = repository.readSplitstream(`oci-manifest-${digest}`);
    const [[, config] = []] = manifest?.named ?? [];
    expect(repository.readSplitstreamObject(config ?? '')?.named.get('composefs.image.boot.v1')).toBe(
      updated.bootedId,
    );
    expect(repository.streamRefs.list()).toContainEqual({
      name: `oci/localhost%2Fbootc-${digest}`,
      target: `oci-manifest-${digest}`,
    });

    // A layer both images have was recorded by Slipway as well: its name leads bootc to its own stream again.
    const before = (await hostStatus(updated)).status.rollback?.image?.imageDigest;
    const named = [...(repository.readSplitstream(`oci-manifest-${before}`)?.named ?? [])];
    const layers = named.filter(([name]) => name.startsWith('sha256:'));
    expect(layers.map(([name]) => repository.streams.get(`oci-layer-${name}`))).toEqual(
      layers.map(([, layer]) => layer),
    );
    expect(overwritten).toEqual(
      expect.arrayContaining([expect.stringMatching(layers.map(([name]) => name).join('|'))]),
    );

    const started = await boot(dir.path);
    expect(started.bootedId).toBe(updated.bootedId);
    await recordBoot(started);
    expect((await adoptHost(started)).kind).toBe('adopted');
    expect((await hostStatus(started)).status.rollback?.composefs.verity).toBe(host.bootedId);
    await cleanUp(started);
    expect(await (await openRepository(started.layout.composefs)).fsck()).toEqual([]);
  });
});

describe('power that fails', () => {
  test('while a host is taken over leaves what boots as it is, and it is taken over', async () => {
    await using dir = await hostDir('adopt-cut');
    const host = await bootcHost(join(dir.path, 'machine'));
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

  test('while a host is given back leaves what boots as it is, and it is given back', async () => {
    await using dir = await hostDir('give-back-cut');
    const machine = join(dir.path, 'machine');
    const host = await bootcHost(machine);
    await adoptHost(host);
    const kernel = { 'usr/lib/modules/6.12/vmlinuz': 'newest kernel '.repeat(100) };
    await stage(host, { ...NEXT, files: { ...NEXT.files, ...kernel } });
    const updated = await reboot(host);
    await bless(updated);
    await recordBoot(updated);
    const taken = await cuts(dir.path, updated, giveHostBack);
    const names = await entryNames(machine);
    const streams = await bootcStreams(updated);
    expect(taken).toHaveLength(9);
    for (const { directory } of taken) {
      const started = await boot(directory);
      expect(started.bootedId).toBe(updated.bootedId);
      await recordBoot(started);
      await giveHostBack(started);
      expect(await entryNames(directory)).toEqual(names);
      expect(await bootcStreams(started)).toEqual(streams);
      expect(await kernels(started)).toEqual(['bootc_composefs', 'bootc_composefs']);
      expect(await pathExists(started.layout.adopted)).toBe(false);
    }
  });
});

describe('a host is not taken over', () => {
  /** Everything is put right that would stand against it but this. */
  async function refusedWith(change: (host: TestHost) => Promise<unknown>): Promise<string> {
    await using dir = await hostDir('refused');
    const host = await bootcHost(dir.path);
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
    const host = await bootcHost(dir.path);
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

describe('a host is not given back', () => {
  test('while something is staged or queued, or bootc would lose something', async () => {
    await using dir = await hostDir('not-back');
    const host = await bootcHost(dir.path);
    await adoptHost(host);
    await stage(host, NEXT);
    expect(await refusalOf(() => giveHostBack(host))).toMatch(/: an update is staged$/);
    const updated = await reboot(host);
    await bless(updated);
    await recordBoot(updated);
    await rollback(updated);
    expect(await refusalOf(() => giveHostBack(updated))).toMatch(
      /another deployment than the running one boots next/,
    );
    await rollback(updated);
    await setPinned(updated, 'rollback', true);
    await stage(updated, { ...NEXT, version: '4', files: { ...NEXT.files, 'etc/default': 'v4' } });
    const again = await reboot(updated);
    await bless(again);
    await recordBoot(again);
    expect(await refusalOf(() => giveHostBack(again))).toMatch(/is pinned, and bootc keeps two$/);
  });

  test('whose image has no bootc, or whose store bootc cannot read', async () => {
    await using dir = await hostDir('not-back');
    const { 'usr/lib/systemd/system/bootc-finalize-staged.service': _gone, ...files } = NEW.files;
    await installBootcHost(dir.path, [OLD, { ...NEW, files }]);
    const host = await boot(dir.path);
    await adoptHost(host);
    expect(await refusalOf(() => giveHostBack(host))).toMatch(/has no bootc-finalize-staged\.service/);
    await using own = await hostDir('not-back');
    const slipways = await installed(own.path);
    expect(await refusalOf(() => giveHostBack(slipways))).toMatch(
      /object store is of sha256, and bootc reads sha512 alone/,
    );
    expect(await adoptHost(slipways)).toEqual({ kind: 'nothing-to-do', steps: [] });
  });
});
