/** Bit rot on a host in a directory: found, named, and repaired from where the image came from. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type LoaderNames, loaderNames } from '@slipway/boot';
import { SlipwayError } from '@slipway/core';
import { layoutSource, type Reference, type WholeImageSource } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { recordBoot } from '../booted.ts';
import { deniedOfHistory } from '../damaged-records.ts';
import { readDenied, writeDenied } from '../denied.ts';
import { hostDrift } from '../drift.ts';
import { writeExpected } from '../expected.ts';
import { appendHistory, readHistory } from '../history.ts';
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

const LOADER = loaderNames('amd64') as LoaderNames;

function flipped(text: string): string {
  return `${text.slice(0, 100)}!${text.slice(101)}`;
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

  test('puts either copy of the boot loader back, and leaves alone what is another program', async () => {
    await using dir = await hostDir('fsck');
    const v1 = await installed(dir.path);
    const loader = 'a boot loader '.repeat(500);
    await stage(v1, { ...V2, files: { ...V2.files, [LOADER.inImage.slice(1)]: loader } });
    const host = await reboot(v1);
    await recordBoot(host);
    await bless(host);
    const [own, found] = [join(host.esp, LOADER.installed), join(host.esp, LOADER.removable)];
    for (const path of [own, found]) await mkdir(dirname(path), { recursive: true });
    const cases: readonly (readonly [
      own: string,
      found: string,
      damaged: readonly string[],
      after?: string,
    ])[] = [
      [loader, flipped(loader), [LOADER.removable]],
      [flipped(loader), loader, [LOADER.installed]],
      [loader, '', [LOADER.removable]],
      ['an older one', 'an older', [LOADER.removable], 'an older one'],
      ['an older one', 'an 0lder one', [LOADER.installed, LOADER.removable]],
      ['an older one', 'an older one', []],
      [loader, 'a shim', []],
    ];
    for (const [before, beside, damaged, after = loader] of cases) {
      await writeFile(own, before);
      await writeFile(found, beside);
      const names = damaged.map((path) => `/${path}`);
      expect((await check(host)).findings.map(({ name }) => name)).toEqual(names);
      const { findings } = await repair(host);
      expect(findings.map((one) => [one.kind, one.repaired])).toEqual(
        names.map(() => ['loader-damaged', true]),
      );
      if (damaged.length === 0) continue;
      expect([await readFile(own, 'utf8'), await readFile(found, 'utf8')]).toEqual([after, after]);
    }
  });

  test('says what to do where no image has a boot loader to repair from', async () => {
    await using dir = await hostDir('fsck');
    const host = await twoDeployments(dir.path);
    for (const [path, text] of [
      [LOADER.installed, 'one'],
      [LOADER.removable, '0ne'],
    ] as const) {
      await mkdir(dirname(join(host.esp, path)), { recursive: true });
      await writeFile(join(host.esp, path), text);
    }
    const { kind, findings } = await repair(host);
    expect(kind).toBe('damaged');
    expect(findings.map(({ message }) => message)).toEqual([
      expect.stringContaining('bootctl install'),
      expect.stringContaining('bootctl install'),
    ]);
    expect(await readFile(join(host.esp, LOADER.installed), 'utf8')).toBe('one');
  });

  test('puts damaged records aside and says so, with what is known of them elsewhere', async () => {
    await using dir = await hostDir('fsck');
    const host = await twoDeployments(dir.path);
    const { staged, expected, denied, history } = host.layout;
    const reason = 'it did not come up';
    const image = { deployment: 'cd'.repeat(32), manifestDigest: 'sha256:1', image: 'x', version: '7' };
    await appendHistory(history, { event: 'denied', ...image, reason }, host.clock);
    await writeDenied(denied, deniedOfHistory(await readHistory(history)));
    await writeExpected(expected, {
      deployment: image.deployment,
      previous: host.bootedId,
      because: 'upgrade',
    });
    for (const path of [expected, denied]) {
      // Still a record, of something else.
      await writeFile(path, (await readFile(path, 'utf8')).replace('cdcd', 'cdce'));
    }
    await writeFile(staged, '{');
    await writeFile(history, (await readFile(history, 'utf8')).replace('"staged"', '"stageD"'));

    const { kind, findings } = await check(host);
    expect([kind, findings.map((one) => [one.kind, one.name])]).toEqual([
      'damaged',
      [
        ['history-damaged', history],
        ['record-damaged', staged],
        ['record-damaged', expected],
        ['record-damaged', denied],
      ],
    ]);
    expect(await repair(host)).toMatchObject({ kind: 'repaired' });
    expect(await check(host)).toEqual({ kind: 'clean', findings: [] });
    expect(await readDenied(denied)).toEqual([{ ...image, since: expect.any(String), reason }]);
    for (const path of [staged, expected, denied, history]) expect(existsSync(`${path}.damaged`)).toBe(true);
    expect([existsSync(staged), existsSync(expected)]).toEqual([false, false]);
    const said = (await readHistory(history)).filter(({ event }) => event === 'repaired');
    const named = [staged, expected, denied, history].map((path) =>
      said.some((one) => one.reason?.includes(path)),
    );
    expect(named).toEqual([true, true, true, true]);
  });

  test('names an app whose record is damaged, and what of it cannot be repaired', async () => {
    await using dir = await hostDir('fsck');
    const host = await twoDeployments(dir.path);
    const record = join(host.layout.apps, 'shop/revisions/1/revision.json');
    await mkdir(dirname(record), { recursive: true });
    await writeFile(record, '{"revision":1}');
    expect(await repair(host)).toMatchObject({
      kind: 'damaged',
      findings: [{ kind: 'record-damaged', name: record, repaired: false }],
    });
  });

  test('puts the decisions of the store back, or says that nothing else can be checked', async () => {
    await using dir = await hostDir('fsck');
    const host = await twoDeployments(dir.path);
    const path = join(host.layout.composefs, 'meta.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('slipway_verity', 'slipway_verify'));
    const found = { part: 'store', kind: 'meta-damaged', name: path };
    expect(await check(host)).toMatchObject({ kind: 'damaged', findings: [found] });
    expect(await repair(host)).toMatchObject({ kind: 'repaired', findings: [found] });
    expect(await readFile(path, 'utf8')).toBe(text);
    await writeFile(path, '');
    expect(await repair(host)).toMatchObject({ kind: 'damaged', findings: [{ ...found, repaired: false }] });
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
