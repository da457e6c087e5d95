/** Bit rot on a host in a directory: found, named, and repaired from where the image came from. */
import { chmod, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SlipwayError } from '@slipway/core';
import { layoutSource, type Reference, type WholeImageSource } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { recordBoot } from '../booted.ts';
import { hostDrift } from '../drift.ts';
import { installed, V2, V3 } from '../testing/scenario.ts';
import { bless, boot, hostDir, reboot, stage, type TestHost } from '../testing/test-host.ts';
import { type FsckResult, fsckHost } from './fsck-host.ts';

function openSource(reference: Reference): WholeImageSource {
  if (reference.kind !== 'oci') throw new Error('a test image is in a layout');
  return layoutSource(reference);
}

function unreachable(): WholeImageSource {
  throw new SlipwayError('OCI_REGISTRY_FAILED', 'cannot reach the registry');
}

const check = (host: TestHost): Promise<FsckResult> => fsckHost(host, { repair: false, openSource });
const repair = (host: TestHost): Promise<FsckResult> => fsckHost(host, { repair: true, openSource });

async function twoDeployments(directory: string): Promise<TestHost> {
  const v1 = await installed(directory);
  await stage(v1, V2);
  const v2 = await reboot(v1);
  await recordBoot(v2);
  await bless(v2);
  return v2;
}

/** Paths of every object, in order. */
async function objects(host: TestHost): Promise<readonly string[]> {
  const root = join(host.layout.composefs, 'objects');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 0x10;
  await chmod(path, 0o644);
  await writeFile(path, bytes);
}

describe('a check of the host', () => {
  test('finds nothing on one that is well, staged update included', async () => {
    await using dir = await hostDir('fsck');
    const host = await twoDeployments(dir.path);
    await stage(host, V3);
    expect(await check(host)).toEqual({ kind: 'clean', findings: [] });
    expect(await repair(host)).toEqual({ kind: 'clean', findings: [] });
  });

  test('finds any flipped object and any lost one, and gets them back', async () => {
    await using dir = await hostDir('fsck');
    const host = await twoDeployments(dir.path);
    const all = await objects(host);
    expect(all.length).toBeGreaterThan(8);
    for (const round of [0, 1, 2, 3]) {
      const hit = all.filter((_path, index) => index % 4 === round);
      for (const path of hit) await (round % 2 === 0 ? flip(path) : rm(path));
      expect([round, (await check(host)).kind]).toEqual([round, 'damaged']);
      const { kind, findings } = await repair(host);
      expect([round, kind, findings.filter((one) => !one.repaired)]).toEqual([round, 'repaired', []]);
      expect([round, await check(host)]).toEqual([round, { kind: 'clean', findings: [] }]);
    }
    expect((await boot(dir.path)).bootedId).toBe(host.bootedId);
    expect((await hostDrift(host)).differences).toEqual([]);
  });

  test('removes nothing while the image cannot be had', async () => {
    await using dir = await hostDir('fsck');
    const host = await twoDeployments(dir.path);
    const before = await objects(host);
    await flip(join(host.layout.composefs, 'images', host.bootedId));
    const result = await fsckHost(host, { repair: true, openSource: unreachable });
    expect(result.kind).toBe('damaged');
    expect(result.findings[0]?.message).toContain('not repaired: cannot reach the registry');
    expect(await objects(host)).toEqual(before);
    expect(await repair(host)).toMatchObject({ kind: 'repaired' });
  });

  test('puts kernels, entries and links back', async () => {
    await using dir = await hostDir('fsck');
    const host = await twoDeployments(dir.path);
    const kernels = join(host.esp, 'EFI/Linux');
    const [one = '', other = ''] = await readdir(kernels);
    await flip(join(kernels, one, 'initrd'));
    await rm(join(kernels, other, 'linux'));
    await rm(host.layout.deployment(host.bootedId).varLink);
    await symlink('/var', host.layout.deployment(host.bootedId).varLink);
    await rm(join(host.layout.composefs, 'images', host.bootedId));
    await writeFile(
      join(host.esp, 'loader/entries/slipway-9+3.conf'),
      `title x\nlinux /x\ninitrd /x\noptions composefs=${'ab'.repeat(32)}\n`,
    );
    const found = await check(host);
    const kinds = found.findings.map(({ kind }) => kind).toSorted();
    expect(kinds).toEqual(['entry-dangling', 'image-missing', 'kernel-damaged', 'var-link']);
    const repaired = await repair(host);
    expect([repaired.kind, repaired.findings.length]).toEqual(['repaired', 5]);
    expect(await check(host)).toEqual({ kind: 'clean', findings: [] });
    expect((await boot(dir.path)).bootedId).toBe(host.bootedId);
  });

  test('gives the running deployment an entry', async () => {
    await using dir = await hostDir('fsck');
    const host = await twoDeployments(dir.path);
    await rm(join(host.esp, 'loader/entries/slipway-2.conf'));
    expect(await repair(host)).toMatchObject({ kind: 'repaired', findings: [{ kind: 'entry-missing' }] });
    expect((await boot(dir.path)).bootedId).toBe(host.bootedId);
  });

  test('puts an origin file back as far as the history tells', async () => {
    await using dir = await hostDir('fsck');
    const host = await twoDeployments(dir.path);
    const { origin } = host.layout.deployment(host.bootedId);
    const before = await readFile(origin, 'utf8');
    await rm(origin);
    expect(await check(host)).toMatchObject({
      kind: 'damaged',
      findings: [{ kind: 'origin-damaged', name: origin, message: 'it is missing' }],
    });
    expect(await repair(host)).toMatchObject({ kind: 'repaired' });
    const signers = /\n(?:trust|checksum)=.*/g;
    expect((await readFile(origin, 'utf8')).replaceAll(signers, '')).toBe(before.replaceAll(signers, ''));
    await rm(origin);
    await rm(host.layout.history);
    const { kind, findings } = await repair(host);
    expect(kind).toBe('damaged');
    expect(findings[0]?.message).toContain('switch to the image again');
  });
});
