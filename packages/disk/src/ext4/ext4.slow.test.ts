import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openRawTarget } from '../container/raw.ts';
import { openRawSource } from '../device/source.ts';
import { anyTree } from '../testing/any-tree.ts';
import { comparable } from '../testing/comparable.ts';
import { directoryOf, fileOf, metaOf, patternBytes } from '../testing/trees.ts';
import type { DiskDirectory, DiskFile } from '../tree.ts';
import { deriveUuid } from '../uuid.ts';
import { type Ext4Options, minimumExt4Bytes, planExt4 } from './plan.ts';
import { readExt4 } from './read/tree.ts';
import { writeExt4 } from './writer.ts';

const OPTIONS: Ext4Options = { uuid: deriveUuid('seed', 'root'), label: 'root', timeSec: 1_700_000_000 };
const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

async function makeExt4(
  path: string,
  tree: DiskDirectory,
  options: Partial<Ext4Options> = {},
): Promise<void> {
  const plan = planExt4(tree, { ...OPTIONS, ...options });
  await using target = await openRawTarget(path, plan.sizeBytes);
  await writeExt4(target, plan);
  await target.finish();
}

function debugfs(path: string, command: string): string {
  return execFileSync('debugfs', ['-R', command, path], {
    encoding: 'latin1',
    maxBuffer: 64 * MIB,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Throws unless the check finds nothing at all. */
function check(path: string): void {
  execFileSync('e2fsck', ['-fn', path], { stdio: ['ignore', 'pipe', 'pipe'] });
}

const linked = fileOf('two names');
const SAMPLE = directoryOf({
  data: fileOf(patternBytes(1_000_003), { meta: { mode: 0o6755, uid: 70_000, gid: 3_000_000_000 } }),
  empty: fileOf(''),
  first: linked,
  second: linked,
  dir: directoryOf({ sub: directoryOf({}, { mode: 0o1777 }) }),
  short: { kind: 'symlink', target: '../x', meta: metaOf({ mode: 0o777 }) },
  long: { kind: 'symlink', target: 'y'.repeat(400), meta: metaOf({ mode: 0o777 }) },
  null: { kind: 'character-device', major: 1, minor: 3, meta: metaOf({ mode: 0o666 }) },
  nvme: { kind: 'block-device', major: 259, minor: 70_000, meta: metaOf({ mode: 0o660 }) },
  fifo: { kind: 'fifo', meta: metaOf() },
  socket: { kind: 'socket', meta: metaOf() },
  early: fileOf('e', { meta: { mtimeSec: -5, mtimeNsec: 123_456_789 } }),
  late: fileOf('l', { meta: { mtimeSec: 6_000_000_000, mtimeNsec: 999_999_999 } }),
  attributes: fileOf('a', {
    meta: {
      xattrs: new Map([
        ['security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex')],
        ['user.large', patternBytes(3000)],
        ['user.empty', Buffer.alloc(0)],
        ['trusted.overlay.opaque', Buffer.from('y')],
      ]),
    },
  }),
  sealed: fileOf(patternBytes(600_000, 3), { verity: 'sha256' }),
  'sealed-sha512': fileOf('small', { verity: 'sha512' }),
  'sealed-empty': fileOf('', { verity: 'sha256' }),
});

describe('an ext4 file system', () => {
  test.each([
    ['of the smallest size', undefined],
    ['of 300 MiB', 300 * MIB],
    ['of 40 GiB', 40 * GIB],
  ])('%s passes e2fsck and debugfs reads it back', async (_, sizeBytes) => {
    await using dir = await makeTempDir('ext4');
    const path = join(dir.path, 'fs.img');
    await makeExt4(path, SAMPLE, sizeBytes === undefined ? {} : { sizeBytes });
    check(path);
    await using source = await openRawSource(path);
    expect(await comparable((await readExt4(source)).root)).toEqual(await comparable(SAMPLE));
    debugfs(path, `dump /data ${dir.path}/data`);
    expect(readFileSync(join(dir.path, 'data')).equals(patternBytes(1_000_003))).toBe(true);
    expect(debugfs(path, 'stat /data')).toMatch(
      /Mode: {2}06755[^]*User: 70000 +Group: -?\d+[^]*Size: 1000003/,
    );
    expect(debugfs(path, 'stat /first')).toMatch(/Links: 2/);
    expect(debugfs(path, 'stat /short')).toContain('Fast link dest: "../x"');
    expect(debugfs(path, 'stat /nvme')).toMatch(/259:70000/);
    expect(debugfs(path, 'stat /null')).toMatch(/0?1:0?3/);
    expect(debugfs(path, 'stat /sealed')).toMatch(/Flags: 0x180000[^]*Size: 600000/);
    const large = join(dir.path, 'large');
    debugfs(path, `ea_get -f ${large} /attributes user.large`);
    expect(readFileSync(large).equals(patternBytes(3000))).toBe(true);
    expect(debugfs(path, 'ea_get /attributes trusted.overlay.opaque')).toContain('"y"');
  });

  test('the same input gives the same bytes', async () => {
    await using dir = await makeTempDir('ext4');
    const digests = [];
    for (const name of ['a', 'b']) {
      await makeExt4(join(dir.path, name), SAMPLE);
      digests.push(
        createHash('sha256')
          .update(readFileSync(join(dir.path, name)))
          .digest('hex'),
      );
    }
    expect(digests[0]).toBe(digests[1]);
  });

  test('any tree fits the smallest file system, passes e2fsck and reads back', async () => {
    await using dir = await makeTempDir('ext4');
    await fc.assert(
      fc.asyncProperty(anyTree(), fc.boolean(), async (sample, large) => {
        const path = join(dir.path, 'fs.img');
        await makeExt4(path, sample, large ? { sizeBytes: 700 * MIB, journalBytes: 0 } : {});
        check(path);
        await using source = await openRawSource(path);
        const { root } = await readExt4(source);
        expect(await comparable(root)).toEqual(await comparable(sample));
      }),
      { numRuns: 15 },
    );
  });

  test('large directories, many inodes and files over several groups', async () => {
    await using dir = await makeTempDir('ext4');
    const path = join(dir.path, 'fs.img');
    const names = Array.from(
      { length: 70_000 },
      (_, index) => [`entry number ${index}`, fileOf('')] as const,
    );
    const holes: DiskFile = {
      ...fileOf(Buffer.alloc(8192, 1)),
      sizeBytes: 300 * GIB + 1,
      data: [
        { offsetBytes: 4096, lengthBytes: 4096 },
        { offsetBytes: 300 * GIB - 8192, lengthBytes: 4096 },
      ],
    };
    // Only every second block has data: more extents than an inode, or one block, can hold.
    const comb: DiskFile = {
      ...fileOf(Buffer.alloc(2000 * 4096, 2)),
      sizeBytes: 4000 * 4096,
      data: Array.from({ length: 2000 }, (_, index) => ({ offsetBytes: index * 8192, lengthBytes: 4096 })),
    };
    const tree = directoryOf({
      many: directoryOf(Object.fromEntries(names)),
      holes,
      comb,
      data: fileOf(patternBytes(30 * MIB)),
    });
    await makeExt4(path, tree, { sizeBytes: 4 * GIB });
    check(path);
    expect(debugfs(path, 'htree_dump /many')).toMatch(/Indirect levels: 1[^]*Number of entries \(count\): 2/);
    expect(debugfs(path, 'stat /holes')).toMatch(/Size: 322122547201/);
    debugfs(path, `dump /comb ${dir.path}/comb`);
    const read = readFileSync(join(dir.path, 'comb'));
    expect([read.length, read[4096 * 3998], read[4096 * 3999]]).toEqual([4000 * 4096, 2, 0]);
  });

  test('sixteen terabytes are laid out in a moment', () => {
    const plan = planExt4(SAMPLE, { ...OPTIONS, sizeBytes: 16 * 1024 * GIB });
    expect(plan.geometry.groups).toBe(131_072);
  });

  test.each<[string, DiskDirectory, string]>([
    ['a name with a slash', directoryOf({ 'a/b': fileOf('') }), 'DISK_NAME_INVALID'],
    ['a name of 256 bytes', directoryOf({ ['x'.repeat(256)]: fileOf('') }), 'DISK_NAME_INVALID'],
    [
      'an empty symlink',
      directoryOf({ a: { kind: 'symlink', target: '', meta: metaOf() } }),
      'DISK_TREE_INVALID',
    ],
    [
      'xattrs over 4 kB',
      directoryOf({ a: fileOf('', { meta: { xattrs: new Map([['user.a', Buffer.alloc(5000)]]) } }) }),
      'DISK_TREE_INVALID',
    ],
    [
      'an unknown xattr',
      directoryOf({ a: fileOf('', { meta: { xattrs: new Map([['other.a', Buffer.alloc(1)]]) } }) }),
      'DISK_TREE_INVALID',
    ],
    ['a file of 16 TiB', directoryOf({ a: { ...fileOf(''), sizeBytes: 2 ** 44 } }), 'DISK_TREE_INVALID'],
  ])('%s is refused', (_, tree, code) => {
    expect(() => planExt4(tree, OPTIONS)).toThrow(expect.objectContaining({ code }));
  });

  test('a directory with two names is refused', () => {
    const shared = directoryOf({});
    expect(() => planExt4(directoryOf({ a: shared, b: shared }), OPTIONS)).toThrow(/one name only/);
  });

  test('too small a disk is refused with the size it takes', () => {
    const tree = directoryOf({ a: fileOf(patternBytes(20 * MIB)) });
    const neededBytes = minimumExt4Bytes(tree);
    expect(() => planExt4(tree, { ...OPTIONS, sizeBytes: neededBytes - MIB })).toThrow(
      expect.objectContaining({
        code: 'DISK_TOO_SMALL',
        details: { sizeBytes: neededBytes - MIB, neededBytes },
      }),
    );
  });

  test.each([
    ['fewer bytes', { ...fileOf('abc'), sizeBytes: 4 }],
    ['more bytes', { ...fileOf('abcde'), sizeBytes: 4 }],
    ['another digest', { ...fileOf('abcd', { verity: 'sha256' }), verityDigest: Buffer.alloc(32) }],
  ])('a file that turns out to have %s is an error', async (_, file) => {
    await using dir = await makeTempDir('ext4');
    await expect(makeExt4(join(dir.path, 'fs.img'), directoryOf({ file }))).rejects.toMatchObject({
      code: 'DISK_CONTENT_CHANGED',
    });
  });
});
