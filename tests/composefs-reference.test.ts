import { link, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type FormatVersion,
  imageId,
  parseDump,
  readErofsContents,
  type ScanDirectoryOptions,
  scanDirectory,
  writeDump,
  writeErofs,
} from '@slipway/composefs';
import { makeTempDir, run } from '@slipway/core';
import { makeNode, setXattr } from '@slipway/linux';
import { beforeAll, describe, expect, test } from 'vitest';
import { randomDump } from '../packages/composefs/src/testing/random-dump.ts';
import { prepareReference, reference } from './harness/reference-composefs.ts';

// Scenario: what Slipway writes for a tree is, byte for byte, what the reference tools write. They are the judge, on
// random trees that use everything a dump can say and on trees as they are on real machines.

beforeAll(async () => {
  await prepareReference();
});

/** Ranges of format versions, as options of mkcomposefs and of ours. */
const RANGES: readonly { readonly minVersion: FormatVersion; readonly maxVersion: FormatVersion }[] = [
  { minVersion: 0, maxVersion: 1 },
  { minVersion: 0, maxVersion: 0 },
  { minVersion: 1, maxVersion: 1 },
];

describe('random dumps', () => {
  test('200 trees, each in every version: written, read, dumped and written again', async () => {
    await using dir = await makeTempDir('reference');
    const dumpPath = join(dir.path, 'in.dump');
    const imagePath = join(dir.path, 'out.img');
    for (let seed = 0; seed < 200; seed += 1) {
      const text = Buffer.from(randomDump(seed), 'latin1');
      await writeFile(dumpPath, text);
      const tree = parseDump(text);
      const dumped = parseDump(Buffer.concat([...writeDump(tree.root, tree.facts)]));
      for (const range of RANGES) {
        const options = [`--min-version=${range.minVersion}`, `--max-version=${range.maxVersion}`];
        const { exitCode } = await reference('mkcomposefs', ['--from-file', ...options, dumpPath, imagePath]);
        const expected = await readFile(imagePath);
        const contents = readErofsContents(expected);
        const version = contents.formatVersion;
        const again = writeErofs(contents.root, {
          facts: contents.facts,
          minVersion: version,
          maxVersion: version,
        });
        expect({
          seed,
          range,
          exitCode,
          written: writeErofs(tree.root, { facts: tree.facts, ...range }).equals(expected),
          read: again.equals(expected),
          dumped: writeErofs(dumped.root, { facts: dumped.facts, ...range }).equals(expected),
        }).toEqual({ seed, range, exitCode: 0, written: true, read: true, dumped: true });
      }
    }
  });

  test('fsck.erofs finds nothing wrong with 40 of ours', async () => {
    await using dir = await makeTempDir('reference');
    const imagePath = join(dir.path, 'ours.img');
    for (let seed = 1000; seed < 1040; seed += 1) {
      const { root, facts } = parseDump(Buffer.from(randomDump(seed), 'latin1'));
      await writeFile(imagePath, writeErofs(root, { facts }));
      const { exitCode } = await run(['fsck.erofs', imagePath], {
        describe: `check the image of seed ${seed}`,
        debianPackage: 'erofs-utils',
      });
      expect({ seed, exitCode }).toEqual({ seed, exitCode: 0 });
    }
  });

  test('names, types and metadata we read are those composefs-info reads', async () => {
    await using dir = await makeTempDir('reference');
    const imagePath = join(dir.path, 'ours.img');
    for (let seed = 2000; seed < 2050; seed += 1) {
      const { root, facts } = parseDump(Buffer.from(randomDump(seed), 'latin1'));
      const image = writeErofs(root, { facts, minVersion: 1 });
      await writeFile(imagePath, image);
      const theirs = parseDump((await reference('composefs-info', ['dump', imagePath])).stdout);
      expect({ seed, paths: pathsOf(theirs.root) }).toEqual({
        seed,
        paths: pathsOf(readErofsContents(image).root),
      });
    }
  });
});

describe('real trees', () => {
  test.each(['/usr/share', '/etc'])('%s of this machine', async (path) => {
    await using dir = await makeTempDir('reference');
    const imagePath = join(dir.path, 'theirs.img');
    const made = await reference('mkcomposefs', ['--print-digest', path, imagePath]);
    const dump = await reference('composefs-info', ['dump', imagePath]);
    const { root, facts } = parseDump(dump.stdout);
    expect(facts.size).toBe(0);
    const ours = writeErofs(root);
    expect(imageId(ours, 'sha256')).toBe(made.stdout.toString('utf8').trim());
    expect(ours.equals(await readFile(imagePath))).toBe(true);
    const scanned = await scanDirectory(path, { hardLinks: 'separate' });
    expect(writeErofs(scanned).equals(ours)).toBe(true);
  });
});

test('a directory with one of everything: the image mkcomposefs makes of it, with every option', async () => {
  await using dir = await makeTempDir('reference');
  const source = join(dir.path, 'source');
  await mkdir(join(source, 'sub'), { recursive: true });
  for (const size of [0, 1, 64, 65, 4096, 5_000_000])
    await writeFile(join(source, `f${size}`), Buffer.alloc(size, 7));
  await symlink('f1', join(source, 'symlink'));
  makeNode(join(source, 'null'), { kind: 'character-device', major: 1, minor: 3 }, 0o666);
  makeNode(join(source, 'sub/whiteout'), { kind: 'character-device', major: 0, minor: 0 }, 0);
  makeNode(join(source, 'sda'), { kind: 'block-device', major: 8, minor: 0 }, 0o660);
  makeNode(join(source, 'fifo'), { kind: 'fifo' }, 0o600);
  setXattr(join(source, 'f64'), 'user.a', Buffer.from('b'));
  setXattr(join(source, 'sub'), 'trusted.overlay.opaque', Buffer.from('y'));
  await link(join(source, 'f65'), join(source, 'sub/linked'));
  const cases: readonly (readonly [string[], ScanDirectoryOptions])[] = [
    [[], {}],
    [['--use-epoch'], { useEpoch: true }],
    [['--skip-devices'], { skipDevices: true }],
    [['--skip-xattrs'], { xattrs: 'none' }],
    [['--user-xattrs'], { xattrs: 'user' }],
  ];
  for (const [options, ours] of cases) {
    const made = await reference('mkcomposefs', [...options, '--print-digest-only', source]);
    const tree = await scanDirectory(source, { ...ours, hardLinks: 'separate' });
    const id = imageId(writeErofs(tree), 'sha256');
    expect({ options, id }).toEqual({ options, id: made.stdout.toString('utf8').trim() });
  }
});

/** Paths and kinds of a tree. */
function pathsOf(root: ReturnType<typeof parseDump>['root']): readonly string[] {
  return Buffer.concat([...writeDump(root)])
    .toString('latin1')
    .split('\n')
    .map((line) => line.split(' ').slice(0, 8).join(' '));
}
