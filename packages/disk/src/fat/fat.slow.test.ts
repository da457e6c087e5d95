import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openRawTarget } from '../container/raw.ts';
import { bytesSource, openRawSource } from '../device/source.ts';
import { directoryOf, fileOf, patternBytes } from '../testing/trees.ts';
import type { DiskDirectory, DiskNode } from '../tree.ts';
import { deriveUuid } from '../uuid.ts';
import { type FatOptions, minimumFatBytes, planFat } from './plan.ts';
import { readFat } from './reader.ts';
import { writeFat } from './writer.ts';

const OPTIONS: FatOptions = { uuid: deriveUuid('seed', 'esp'), label: 'ESP', timeSec: 1_700_000_000 };
const MIB = 1024 * 1024;

async function makeFat(path: string, tree: DiskDirectory, options: Partial<FatOptions> = {}): Promise<void> {
  const plan = planFat(tree, { ...OPTIONS, ...options });
  await using target = await openRawTarget(path, plan.sizeBytes);
  await writeFat(target, plan);
  await target.finish();
}

function fsck(path: string): string {
  return execFileSync('fsck.vfat', ['-n', '-v', path], { encoding: 'utf8' });
}

const SAMPLE = directoryOf({
  EFI: directoryOf({
    Linux: directoryOf({ 'slipway-3f2a.efi': fileOf(patternBytes(300_001)), empty: fileOf('') }),
    BOOT: directoryOf({ 'BOOTX64.EFI': fileOf(patternBytes(70_000, 2)) }),
  }),
  loader: directoryOf({
    entries: directoryOf({
      'slipway-0000000001+3.conf': fileOf('title one\n'),
      'slipway-0000000002+3.conf': fileOf('title two\n'),
    }),
    'loader.conf': fileOf('timeout 3\n'),
  }),
  [Buffer.from('Grüße aus Köln.txt').toString('latin1')]: fileOf('hallo'),
});

/** What FAT keeps of a tree: paths, sizes, bytes, times in steps of two seconds. */
async function namesAndBytes(tree: DiskDirectory, path = ''): Promise<readonly unknown[]> {
  const rows: unknown[] = [];
  for (const [name, child] of [...tree.entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    rows.push([`${path}/${name}`, child.kind, child.meta.mtimeSec & ~1]);
    if (child.kind === 'directory') rows.push(...(await namesAndBytes(child, `${path}/${name}`)));
    if (child.kind !== 'file') continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of child.open()) chunks.push(chunk);
    rows.push([child.sizeBytes, Buffer.concat(chunks).toString('base64')]);
  }
  return rows;
}

describe('a FAT file system', () => {
  test.each([
    [12, 4 * MIB],
    [16, 64 * MIB],
    [32, 64 * MIB],
    [32, 600 * MIB],
  ] as const)('FAT%i of %i bytes passes fsck and mtools reads it back', async (bits, sizeBytes) => {
    await using dir = await makeTempDir('fat');
    const path = join(dir.path, 'fat.img');
    await makeFat(path, SAMPLE, { bits, sizeBytes });
    expect(fsck(path)).toContain(`${bits} bit entries`);
    execFileSync('mcopy', ['-i', path, '-s', '-n', '::EFI', '::loader', dir.path]);
    const efi = readFileSync(join(dir.path, 'EFI/Linux/slipway-3f2a.efi'));
    expect(efi.equals(patternBytes(300_001))).toBe(true);
    expect(readdirSync(join(dir.path, 'loader/entries')).sort()).toEqual([
      'slipway-0000000001+3.conf',
      'slipway-0000000002+3.conf',
    ]);
    expect(readFileSync(join(dir.path, 'loader/loader.conf'), 'utf8')).toBe('timeout 3\n');
    const listing = execFileSync('mdir', ['-i', path, '::'], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    expect(listing).toContain('Volume in drive : is ESP');
    expect(listing).toMatch(/^LOADER +<DIR>.* loader$/m);
    expect(listing).toContain('Grüße aus Köln.txt');
  });

  test('one of mkfs.fat and mtools is read', async () => {
    await using dir = await makeTempDir('fat');
    const path = join(dir.path, 'fat.img');
    execFileSync('mkfs.fat', ['-C', '-n', 'LABEL', '-F', '16', path, '20000']);
    writeFileSync(join(dir.path, 'lower.txt'), 'lower case');
    writeFileSync(join(dir.path, 'A long name.conf'), patternBytes(50_000));
    execFileSync('mmd', ['-i', path, '::dir', '::dir/Sub']);
    execFileSync('mcopy', [
      '-i',
      path,
      join(dir.path, 'lower.txt'),
      join(dir.path, 'A long name.conf'),
      '::dir/Sub',
    ]);
    const { root, label, bits } = await readFat(bytesSource(readFileSync(path)));
    expect([label, bits]).toEqual(['LABEL', 16]);
    const paths = (await namesAndBytes(root))
      .filter((row) => Array.isArray(row) && row.length === 3)
      .map((row) => (row as unknown[])[0]);
    expect(paths).toEqual(['/dir', '/dir/Sub', '/dir/Sub/A long name.conf', '/dir/Sub/lower.txt']);
  });

  test('a directory whose first cluster power cut away is refused, and empty after the repair', async () => {
    await using dir = await makeTempDir('fat');
    const path = join(dir.path, 'fat.img');
    execFileSync('mkfs.fat', ['-C', '-F', '16', path, '20000']);
    execFileSync('mmd', ['-i', path, '::first', '::second']);
    const cut = readFileSync(path);
    // The second directory has the fourth entry of both copies of the table.
    const [sectorBytes, reserved, sectors] = [
      cut.readUInt16LE(11),
      cut.readUInt16LE(14),
      cut.readUInt16LE(22),
    ];
    for (const copy of [0, 1]) cut.writeUInt16LE(0, (reserved + copy * sectors) * sectorBytes + 3 * 2);
    writeFileSync(path, cut);
    await expect(readFat(bytesSource(cut))).rejects.toMatchObject({ code: 'DISK_INVALID' });
    expect(spawnSync('fsck.vfat', ['-a', path]).status).toBe(1);
    const { root } = await readFat(bytesSource(readFileSync(path)));
    expect((await namesAndBytes(root)).map((row) => (row as unknown[])[0])).toEqual(['/first', '/second']);
  });

  test.each([12, 16, 32] as const)('a damaged FAT%i gives an answer or DISK_INVALID', async (bits) => {
    await using dir = await makeTempDir('fat');
    await makeFat(join(dir.path, 'fat.img'), SAMPLE, { bits });
    const good = readFileSync(join(dir.path, 'fat.img'));
    const end = Math.min(good.length - 1, bits === 32 ? 600_000 : 60_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.oneof(fc.nat(100), fc.nat(end)), fc.nat(255)), { minLength: 1, maxLength: 300 }),
        async (changes) => {
          const bad = Buffer.from(good.subarray(0, good.length));
          for (const [at, value] of changes) bad.writeUInt8(value, at);
          const reading = readFat(bytesSource(bad)).then(({ root }) => namesAndBytes(root));
          await reading.catch((error: unknown) => expect(error).toMatchObject({ code: 'DISK_INVALID' }));
        },
      ),
      { numRuns: bits === 32 ? 6 : 30 },
    );
  });

  test('the same input gives the same bytes', async () => {
    await using dir = await makeTempDir('fat');
    const digests = [];
    for (const name of ['a', 'b']) {
      await makeFat(join(dir.path, name), SAMPLE);
      digests.push(
        createHash('sha256')
          .update(readFileSync(join(dir.path, name)))
          .digest('hex'),
      );
    }
    expect(digests[0]).toBe(digests[1]);
  });

  test.each([12, 16, 32] as const)('any tree fits the smallest FAT%i and passes fsck', async (bits) => {
    await using dir = await makeTempDir('fat');
    const name = fc
      .stringMatching(/^[A-Za-z0-9 ._äÖ-]{0,18}[a-z0-9]$/)
      .map((text) => Buffer.from(text).toString('latin1'));
    const { tree } = fc.letrec<{ tree: DiskDirectory; node: DiskNode }>((tie) => ({
      tree: fc
        .uniqueArray(fc.tuple(name, tie('node')), {
          maxLength: 12,
          selector: ([key]) => Buffer.from(key, 'latin1').toString().toUpperCase(),
        })
        .map((entries) => directoryOf(Object.fromEntries(entries))),
      node: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.nat(20_000).map((size) => fileOf(patternBytes(size))),
        tie('tree'),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(tree, async (sample) => {
        const path = join(dir.path, 'fat.img');
        await makeFat(path, sample, { bits });
        fsck(path);
        await using source = await openRawSource(path);
        expect(await namesAndBytes((await readFat(source)).root)).toEqual(await namesAndBytes(sample));
      }),
      { numRuns: 8 },
    );
  });

  test('a root of 2,000 long names is refused on FAT16 and works on FAT32', async () => {
    await using dir = await makeTempDir('fat');
    const names = Array.from(
      { length: 2000 },
      (_, index) => [`a long file name ${index}.conf`, fileOf('x')] as const,
    );
    const tree = directoryOf(Object.fromEntries(names));
    expect(() => planFat(tree, { ...OPTIONS, bits: 16, sizeBytes: 64 * MIB })).toThrow(
      /its root holds 512 entries/,
    );
    await makeFat(join(dir.path, 'fat.img'), tree, { bits: 32 });
    fsck(join(dir.path, 'fat.img'));
  });

  test.each([
    ['two names that differ in case', directoryOf({ a: fileOf('1'), A: fileOf('2') }), /only in case/],
    ['a forbidden character', directoryOf({ 'a:b': fileOf('1') }), /forbids/],
    ['a trailing dot', directoryOf({ 'a.': fileOf('1') }), /ends in a dot/],
    ['a long name', directoryOf({ ['x'.repeat(256)]: fileOf('1') }), /more than 255/],
    ['bytes that are not UTF-8', directoryOf({ '\xff': fileOf('1') }), /not UTF-8/],
    ['a symlink', directoryOf({ a: { kind: 'symlink', target: 'b', meta: fileOf('').meta } }), /no symlink/],
    ['4 GiB', directoryOf({ a: { ...fileOf(''), sizeBytes: 2 ** 32 } }), /below 4 GiB/],
  ])('%s is refused', (_, tree, message) => {
    expect(() => planFat(tree, { ...OPTIONS, sizeBytes: 64 * MIB })).toThrow(message);
  });

  test('a size too small is refused with the size it takes', () => {
    const tree = directoryOf({ a: fileOf(patternBytes(3 * MIB)) });
    expect(() => planFat(tree, { ...OPTIONS, sizeBytes: 2 * MIB })).toThrow(/do not fit/);
    expect(minimumFatBytes(tree)).toBeLessThanOrEqual(4 * MIB);
  });
});
