import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openRawTarget } from '../container/raw.ts';
import { bytesSource, openRawSource, sourceWindow } from '../device/source.ts';
import { planFat } from '../fat/plan.ts';
import { readFat } from '../fat/reader.ts';
import { writeFat } from '../fat/writer.ts';
import { readGpt } from '../gpt/reader.ts';
import { anyTree } from '../testing/any-tree.ts';
import { comparable } from '../testing/comparable.ts';
import { directoryOf, fileOf, metaOf, patternBytes } from '../testing/trees.ts';
import type { DiskDirectory, DiskNode } from '../tree.ts';
import { deriveUuid } from '../uuid.ts';
import { MOST_EXTENT_BYTES, SECTOR_BYTES } from './format.ts';
import { type IsoOptions, planIso } from './plan.ts';
import { readIso } from './reader.ts';
import { isoSeconds } from './time.ts';
import type { IsoDirectory, IsoNode } from './tree.ts';
import { writeIso } from './writer.ts';

const TIME = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;

async function makeIso(path: string, tree: IsoDirectory, options: Partial<IsoOptions> = {}): Promise<void> {
  const plan = planIso(tree, { volumeId: 'SLIPWAY_TEST', timeSec: TIME, ...options });
  await using target = await openRawTarget(path, plan.sizeBytes);
  await writeIso(target, plan);
  await target.finish();
}

function bootOptions(): Partial<IsoOptions> {
  const fat = planFat(
    directoryOf({ EFI: directoryOf({ BOOT: directoryOf({ 'BOOTX64.EFI': fileOf('loader') }) }) }),
    {
      uuid: deriveUuid('seed', 'esp'),
      timeSec: TIME,
      bits: 32,
      sizeBytes: 40 * 1024 ** 2,
    },
  );
  return {
    efi: {
      sizeBytes: fat.sizeBytes,
      partitionUuid: deriveUuid('seed', 'partition'),
      diskUuid: deriveUuid('seed', 'disk'),
      write: (window) => writeFat(window, fat),
    },
    bios: {
      image: patternBytes(5000, 9),
      loadBytes: 2048,
      hasInfoTable: true,
      bootCode: (at) => Buffer.from(`at ${at}`),
    },
  };
}

const SAMPLE: IsoDirectory = directoryOf({
  'a file with a long name.tar.gz': fileOf(patternBytes(300_000, 2)),
  empty: fileOf(''),
  ['n'.repeat(255)]: fileOf('long'),
  link: { kind: 'symlink', target: `/one/../${'two'.repeat(60)}/./three`, meta: metaOf() },
  deep: directoryOf({
    er: directoryOf({ still: directoryOf({ file: fileOf('x', { meta: { mode: 0o4751 } }) }) }),
  }),
});

describe('a medium', () => {
  test('is read by xorriso, isoinfo and bsdtar as it was written', async () => {
    await using dir = await makeTempDir('iso');
    const path = join(dir.path, 'test.iso');
    await makeIso(path, SAMPLE);

    const listed = output('isoinfo', '-R', '-l', '-i', path);
    expect(listed).toContain('a file with a long name.tar.gz');
    expect(listed).toContain('n'.repeat(200));
    expect(output('isoinfo', '-d', '-i', path)).toMatch(
      /Volume id: SLIPWAY_TEST[^]*Rock Ridge signatures version 1/,
    );
    expect(xorriso('-indev', path, '-find', '/', '-type', 'l', '-exec', 'lsdl')).toContain('three');

    const out = join(dir.path, 'out');
    await mkdir(out);
    execFileSync('bsdtar', ['-x', '-p', '-C', out, '-f', path]);
    expect(readFileSync(join(out, 'a file with a long name.tar.gz'))).toEqual(patternBytes(300_000, 2));
    expect(readFileSync(join(out, 'n'.repeat(255)), 'utf8')).toBe('long');
    expect(statSync(join(out, 'deep/er/still/file'))).toMatchObject({
      mode: 0o104751,
      mtimeMs: 1_700_000_000_000,
    });
    expect(output('readlink', join(out, 'link')).trimEnd()).toBe(`/one/../${'two'.repeat(60)}/./three`);
  });

  test('boots, say xorriso, sgdisk and our own reader, by disc and by USB stick from the same bytes', async () => {
    await using dir = await makeTempDir('iso');
    const path = join(dir.path, 'boot.iso');
    await makeIso(path, SAMPLE, bootOptions());

    const report = xorriso('-indev', path, '-report_el_torito', 'plain');
    expect(report).toMatch(/El Torito boot img :\s+1\s+BIOS\s+y\s+none\s+0x0000\s+0x00\s+4\s/);
    expect(report).toMatch(/El Torito boot img :\s+2\s+UEFI\s+y\s+none\s+0x0000\s+0x00\s+0\s/);
    expect(xorriso('-indev', path, '-report_system_area', 'plain')).toContain('GPT');
    expect(output('sgdisk', '-v', path)).toContain('No problems found');

    await using source = await openRawSource(path);
    const { boot, sizeBytes } = await readIso(source);
    expect(sizeBytes).toBe(source.sizeBytes);
    const [bios, efi] = boot;
    const esp = (await readGpt(source)).partitions[1];
    expect(efi).toEqual({
      platform: 'efi',
      isBootable: true,
      offsetBytes: esp?.offsetBytes,
      loadBytes: undefined,
    });
    expect(bios).toMatchObject({ platform: 'bios', isBootable: true, loadBytes: 2048 });
    const { root } = await readFat(sourceWindow(source, esp?.offsetBytes ?? 0, esp?.sizeBytes ?? 0));
    expect([...root.entries.keys()]).toEqual(['EFI']);
    const image = await source.read(bios?.offsetBytes ?? 0, 5000);
    expect([image.readUInt32LE(8), image.readUInt32LE(12) * SECTOR_BYTES, image.readUInt32LE(16)]).toEqual([
      16,
      bios?.offsetBytes,
      5000,
    ]);
    expect(image.subarray(64)).toEqual(patternBytes(5000, 9).subarray(64));
    expect((await source.read(0, 20)).toString('latin1')).toContain(`at ${bios?.offsetBytes}`);
  });

  test('of the same tree has the same bytes', async () => {
    await using dir = await makeTempDir('iso');
    const paths = [join(dir.path, '1.iso'), join(dir.path, '2.iso')];
    for (const path of paths) await makeIso(path, SAMPLE, bootOptions());
    execFileSync('cmp', paths);
  });

  test('holds files of more than 4 GiB, in parts', async () => {
    await using dir = await makeTempDir('iso');
    const path = join(dir.path, 'large.iso');
    const sizeBytes = MOST_EXTENT_BYTES + 5 * SECTOR_BYTES + 1;
    const large = {
      kind: 'written-file' as const,
      meta: metaOf(),
      sizeBytes,
      write: async (window: { write(at: number, bytes: Uint8Array): Promise<void> }) => {
        await window.write(MOST_EXTENT_BYTES - 2, Buffer.from('seam'));
        await window.write(sizeBytes - 3, Buffer.from('end'));
      },
    };
    await makeIso(path, {
      ...directoryOf({}),
      entries: new Map<string, IsoNode>([
        ['large', large],
        ['zz', fileOf('after')],
      ]),
    });
    expect(xorriso('-indev', path, '-find', '/large', '-exec', 'lsdl')).toContain(String(sizeBytes));
    await using source = await openRawSource(path);
    const { root } = await readIso(source);
    expect(root.entries.get('large')).toMatchObject({ kind: 'file', sizeBytes });
    expect(output('isoinfo', '-i', path, '-R', '-x', '/zz')).toBe('after');
    const first = await source.read(
      source.sizeBytes -
        2 * SECTOR_BYTES -
        sizeBytes -
        (SECTOR_BYTES - 1) +
        MOST_EXTENT_BYTES +
        SECTOR_BYTES -
        2,
      4,
    );
    expect(first.toString()).toBe('seam');
  });
});

describe('any tree', () => {
  test('is read back as it was written', async () => {
    await using dir = await makeTempDir('iso');
    const path = join(dir.path, 'any.iso');
    await fc.assert(
      fc.asyncProperty(anyTree(), async (any) => {
        const tree = fitting(any);
        await makeIso(path, tree);
        await using source = await openRawSource(path);
        const { root } = await readIso(source);
        expect(await comparable(root)).toEqual(await comparable(tree));
        // Whoever knows no Rock Ridge must find every name, and each of them once.
        const plain = output('isoinfo', '-f', '-i', path).split('\n').filter(Boolean);
        expect(new Set(plain).size).toBe(plain.length);
        expect(plain.length).toBe(namesIn(tree));
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ['a/b', 'x//y', '/', '//x', '..', 'a/', './.', '/../a/'],
    [`${'long/'.repeat(700)}end`, 'c'.repeat(255), `/${'c'.repeat(251)}/${'d'.repeat(4)}`],
  ])('has the targets of its links: %s', async (...targets) => {
    await using dir = await makeTempDir('iso');
    const path = join(dir.path, 'links.iso');
    await makeIso(
      path,
      directoryOf(
        Object.fromEntries(
          targets.map((target, index) => [`l${index}`, { kind: 'symlink', target, meta: metaOf() }]),
        ),
      ),
    );
    await using source = await openRawSource(path);
    const { root } = await readIso(source);
    expect([...root.entries.values()].map((node) => node.kind === 'symlink' && node.target)).toEqual(targets);
  });

  test('in one directory may have thousands of names that look alike', async () => {
    await using dir = await makeTempDir('iso');
    const path = join(dir.path, 'many.iso');
    const names = Array.from({ length: 5000 }, (_, index) => `the same name for so many characters ${index}`);
    const entries = new Map(names.map((name): [string, DiskNode] => [name, fileOf(name)]));
    await makeIso(path, { ...directoryOf({}), entries });
    const identifiers = output('isoinfo', '-f', '-i', path).trim().split('\n');
    expect(new Set(identifiers).size).toBe(5000);
    await using source = await openRawSource(path);
    expect([...(await readIso(source)).root.entries.keys()].toSorted()).toEqual(names.toSorted());
  });
});

describe('bad input', () => {
  test.each([
    ['a label in small letters', {}, { volumeId: 'slipway' }, 'DISK_NAME_INVALID'],
    ['a label that is too long', {}, { volumeId: 'A'.repeat(33) }, 'DISK_NAME_INVALID'],
    ['a name that is too long', { ['x'.repeat(256)]: fileOf('') }, {}, 'DISK_NAME_INVALID'],
    ['a name with a slash', { 'a/b': fileOf('') }, {}, 'DISK_NAME_INVALID'],
    ['a sealed file', { a: fileOf('', { verity: 'sha256' }) }, {}, 'DISK_TREE_INVALID'],
    [
      'attributes',
      { a: fileOf('', { meta: { xattrs: new Map([['user.a', Buffer.from('b')]]) } }) },
      {},
      'DISK_TREE_INVALID',
    ],
    ['nine levels', nested(8), {}, 'DISK_TREE_INVALID'],
    ['an empty boot image', {}, { bios: { image: new Uint8Array(1) } }, 'DISK_INVALID'],
  ] as const)('%s is refused', (_, entries, options, code) => {
    const act = (): unknown => planIso(directoryOf(entries), { volumeId: 'A', timeSec: TIME, ...options });
    expect(act).toThrow(expect.objectContaining({ code }));
  });

  test('eight levels are not', () => {
    expect(() => planIso(directoryOf(nested(7)), { volumeId: 'A', timeSec: TIME })).not.toThrow();
  });

  test.each([
    ['no medium', Buffer.alloc(100_000)],
    ['a short file', Buffer.alloc(100)],
  ])('%s is told from one', async (_, bytes) => {
    await expect(readIso(bytesSource(bytes))).rejects.toMatchObject({ code: 'DISK_INVALID' });
  });

  test('a directory that holds itself is refused', async () => {
    await using dir = await makeTempDir('iso');
    const path = join(dir.path, 'loop.iso');
    const tree = directoryOf({ d: directoryOf({}) });
    await makeIso(path, tree);
    const bytes = readFileSync(path);
    const plan = planIso(tree, { volumeId: 'A', timeSec: TIME });
    const [root] = plan.directories;
    const rootAt = (root?.sector ?? 0) * SECTOR_BYTES;
    const recordAt = rootAt + (root?.own.lengthBytes ?? 0) + (root?.up.lengthBytes ?? 0);
    bytes.writeUInt32LE(root?.sector ?? 0, recordAt + 2);
    await expect(readIso(bytesSource(bytes))).rejects.toMatchObject({ code: 'DISK_INVALID' });
  });
});

function nested(levels: number): Readonly<Record<string, DiskNode>> {
  let inner: DiskDirectory = directoryOf({});
  for (let level = 1; level < levels; level += 1) inner = directoryOf({ d: inner });
  return { d: inner };
}

function namesIn(tree: DiskDirectory): number {
  return [...tree.entries.values()].reduce(
    (sum, node) => sum + 1 + (node.kind === 'directory' ? namesIn(node) : 0),
    0,
  );
}

/** What such a medium can hold of a tree: no attributes, no holes, no seals, whole seconds of two centuries. */
function fitting(tree: DiskDirectory): DiskDirectory {
  const known = new Map<DiskNode, DiskNode>();
  const fit = (node: DiskNode, level: number): DiskNode => {
    const before = known.get(node);
    if (before !== undefined) return before;
    const { xattrs: _, ...meta } = node.meta;
    const fitted = { ...meta, mtimeSec: isoSeconds(meta.mtimeSec), mtimeNsec: 0 };
    const made = make(node, level, { ...node, meta: fitted });
    known.set(node, made);
    return made;
  };
  const make = (node: DiskNode, level: number, fitted: DiskNode): DiskNode => {
    if (fitted.kind === 'file' && node.kind === 'file') {
      const { verity: _verity, data, ...plain } = fitted;
      if (data === undefined) return plain;
      return { ...plain, sizeBytes: data.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0) };
    }
    if (fitted.kind !== 'directory') return fitted;
    const entries = [...fitted.entries].filter(([, { kind }]) => kind !== 'directory' || level < 8);
    return { ...fitted, entries: new Map(entries.map(([name, child]) => [name, fit(child, level + 1)])) };
  };
  return fit(tree, 1) as DiskDirectory;
}

function output(command: string, ...rest: readonly string[]): string {
  return execFileSync(command, rest, { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** Its reports go to either stream. */
function xorriso(...rest: readonly string[]): string {
  return execFileSync('sh', ['-c', 'exec xorriso -abort_on FAILURE "$@" 2>&1', 'xorriso', ...rest], {
    encoding: 'latin1',
  });
}
