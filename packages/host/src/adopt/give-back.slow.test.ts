import { join } from 'node:path';
import { compareBootEntries, readBootEntries } from '@slipway/boot';
import { openRepository } from '@slipway/composefs';
import { describe, expect, test } from 'vitest';
import { recordBoot } from '../booted.ts';
import { cleanUp } from '../cleanup.ts';
import { pathExists } from '../directory.ts';
import { setPinned } from '../pin.ts';
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
import { events, installed } from '../testing/scenario.ts';
import { bless, boot, entryNames, hostDir, reboot, stage } from '../testing/test-host.ts';
import { adoptHost } from './adopt.ts';
import { giveHostBack } from './give-back.ts';

describe('a host that was taken over', () => {
  test('is given back as bootc left it', async () => {
    await using dir = await hostDir('give-back');
    const host = await bootedBootcHost(dir.path);
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
    const host = await bootedBootcHost(dir.path);
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
    expect(await kernelOwners(updated)).toEqual(['bootc_composefs', 'slipway']);

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
    expect(await kernelOwners(updated)).toEqual(['bootc_composefs', 'bootc_composefs']);
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

test('power that fails while a host is given back leaves what boots as it is, and it is given back', async () => {
  await using dir = await hostDir('give-back-cut');
  const machine = join(dir.path, 'machine');
  const host = await bootedBootcHost(machine);
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
    expect(await kernelOwners(started)).toEqual(['bootc_composefs', 'bootc_composefs']);
    expect(await pathExists(started.layout.adopted)).toBe(false);
  }
});

describe('a host is not given back', () => {
  test('while something is staged or queued, or bootc would lose something', async () => {
    await using dir = await hostDir('not-back');
    const host = await bootedBootcHost(dir.path);
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
