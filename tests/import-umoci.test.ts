import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { type DirectoryNode, importImage, initRepository, LayeredTree, walkTree } from '@slipway/composefs';
import { isSlipwayError, makeTempDir, run } from '@slipway/core';
import { formatReference, layoutSource, parseReference, type TarInput } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { file, link, member } from '../packages/composefs/src/import/testing.ts';
import { Random } from '../packages/composefs/src/testing/random-dump.ts';
import { alpineArchives } from './harness/alpine-archive.ts';
import { type Listing, listDirectory, listTree } from './harness/directory-listing.ts';
import { exampleImage } from './harness/images.ts';
import { type LayerContents, umociLayout } from './harness/layered-image.ts';

// Scenario: the same OCI layout goes through `umoci unpack`, which writes a directory as any container engine does, and
// through our import, which makes a tree and objects. Name by name, both mean the same. Needs root (owners, devices).

/** Times after this come from the clock. */
const startNs = BigInt(Date.now()) * 1_000_000n;

const capability = new Map([
  ['security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex')],
]);
const user = new Map([['user.note', Buffer.from([0, 255, 10])]]);

const layers: readonly (readonly TarInput[])[] = [
  [
    member('./', { mode: 0o755, mtimeSec: 1_600_000_000 }),
    member('usr/', { mtimeNsec: 123_456_789 }),
    member('usr/bin/'),
    file('usr/bin/tool', 'x'.repeat(5000), { mode: 0o755, mtimeNsec: 987_654_321 }),
    file('usr/bin/ping', 'y'.repeat(300), { mode: 0o755, xattrs: capability }),
    file('usr/bin/su', 'z'.repeat(65), { mode: 0o4755, uid: 0, gid: 42 }),
    link('usr/bin/tool2', 'usr/bin/tool', 'hardlink'),
    link('bin', 'usr/bin'),
    member('etc/'),
    file('etc/motd', 'hello', { xattrs: user }),
    member('etc/old.d/'),
    file('etc/old.d/a', 'a'),
    file('etc/old.d/b', 'b'),
    member('dev/'),
    member('dev/null', { kind: 'character-device', mode: 0o666, deviceMajor: 1, deviceMinor: 3 }),
    member('dev/loop300', { kind: 'block-device', mode: 0o660, gid: 6, deviceMajor: 7, deviceMinor: 300 }),
    member('run/'),
    member('run/pipe', { kind: 'fifo', mode: 0o600 }),
    member('srv/'),
    file(`srv/name with \xc3\xa9 and ${'l'.repeat(120)}`, 'long'),
    member('tmp/', { mode: 0o1777 }),
    link('turns', 'etc/motd'),
    member('changes/'),
    file('changes/inside', 'c'),
  ],
  [
    member('etc/', { mode: 0o750, uid: 3 }),
    member('etc/.wh.motd'),
    member('etc/old.d/', { mode: 0o700 }),
    member('etc/old.d/.wh..wh..opq'),
    file('etc/old.d/c', 'c'),
    link('usr/bin/tool3', 'usr/bin/tool', 'hardlink'),
    link('usr/bin/bin-link', 'bin', 'hardlink'),
    file('turns', 'no symlink any more'),
    member('.wh.run'),
    link('changes', 'usr'),
  ],
  [
    file('usr/bin/tool', 'new'),
    member('etc/motd/'),
    file('etc/motd/10-now-a-directory', 'd'),
    file('etc/old.d/a', 'again'),
    member('.wh.changes'),
    member('changes/'),
    file('changes/other', 'o'),
    file('gone/with/parents', 'p'),
  ],
  [member('gone/.wh.with'), member('.wh.nothing'), file('last', ''), file('last', 'wins')],
];

describe('umoci unpack and our import agree', () => {
  test('on whiteouts, opaque directories, hard links over layers, types that change', async () => {
    const both = await bothWays(layers);
    const { ours, theirs } = withoutClock(both);
    expect(both.ours.size).toBeGreaterThan(25);
    expect(ours).toEqual(theirs);
    expect(both.ours.get('/usr/bin/tool3')?.firstName).toBe('/usr/bin/tool2');
  });

  test('on random images', async () => {
    let entries = 0;
    for (let seed = 1; seed <= 30; seed += 1) {
      const both = await bothWays(randomLayers(new Random(seed)));
      const { ours, theirs } = withoutClock(both);
      entries += both.ours.size;
      expect({ seed, ours }).toEqual({ seed, ours: theirs });
    }
    expect(entries).toBeGreaterThan(500);
  });
});

// A host as people build them: thousands of hard links and symlinks, files of one layer hidden and replaced by the next.
test('umoci unpack and our import agree on a real image', async () => {
  const built = parseReference(await exampleImage({ folder: 'web-application' }, () => undefined));
  if (built.kind !== 'oci') throw new Error('not a layout');
  await using dir = await makeTempDir('umoci');
  // umoci knows no zstd.
  const [plain, gzip] = [`dir:${dir.path}/plain`, `oci:${dir.path}/layout:test`];
  const copy = (...args: readonly string[]) => run(['skopeo', 'copy', ...args], { describe: 'repack' });
  await copy('--dest-decompress', formatReference(built), plain);
  await copy(plain, gzip);
  const both = await unpackedBothWays(join(dir.path, 'layout'), dir.path);
  expect(both.ours.size).toBeGreaterThan(10_000);
  expectAgreement(both);
});

const alpine = await alpineArchives(['tzdata', 'perl']);

/** What a container file could do to Alpine: names of one file over layers, some taken away, some made something else. */
const ON_ALPINE: readonly TarInput[] = [
  link('usr/share/zoneinfo/Here', 'usr/share/zoneinfo/Europe/Berlin', 'hardlink'),
  link('bin/box', 'bin/busybox', 'hardlink'),
  link('bin/list', 'bin/ls', 'hardlink'),
  file('usr/share/zoneinfo/Zulu', 'one name of several, now a file of its own'),
  member('usr/share/zoneinfo/.wh.UCT'),
  member('usr/share/zoneinfo/.wh.Asia'),
  file('bin/ls', 'no symlink any more', { mode: 0o755 }),
  member('lib/apk/db/', { mode: 0o700 }),
  member('lib/apk/db/.wh..wh..opq'),
  file('lib/apk/db/lock', ''),
  link('media', 'mnt'),
  member('.wh.srv'),
];

const withAlpine =
  alpine === undefined
    ? 'no image of Alpine: the mirror of this machine does not have it'
    : 'umoci unpack and our import agree on an image of Alpine, the layers of which are its own packages';

test(withAlpine, async () => {
  if (alpine === undefined) return;
  const archives = await Promise.all(alpine.map(async (path) => gunzipSync(await readFile(path))));
  const both = await bothWays([...archives, ON_ALPINE]);
  expect(both.ours.size).toBeGreaterThan(3000);
  expectAgreement(both);
  const { firstName } = both.ours.get('/usr/share/zoneinfo/Here') ?? {};
  expect(firstName).toBe(both.ours.get('/usr/share/zoneinfo/Europe/Berlin')?.firstName);
  expect(both.ours.get('/bin/list')?.kind).toBe('symlink');
  expect(both.ours.has('/usr/share/zoneinfo/Asia')).toBe(false);
});

/** Of a directory an image does not describe, umoci asks the clock. */
function expectAgreement({ ours, theirs }: BothWays): void {
  const differences = [...theirs].filter(([path, entry]) => {
    const other = ours.get(path);
    const clock = entry.kind === 'directory' && BigInt(entry.mtime) > startNs;
    return !isDeepStrictEqual(other && { ...other, mtime: clock ? entry.mtime : other.mtime }, entry);
  });
  expect(differences).toEqual([]);
  expect([...ours.keys()].filter((path) => !theirs.has(path))).toEqual([]);
}

interface BothWays {
  readonly ours: Listing;
  readonly theirs: Listing;
}

/** One layout, unpacked by umoci and imported by us. */
async function bothWays(images: readonly LayerContents[]): Promise<BothWays> {
  await using dir = await makeTempDir('umoci');
  const layout = await umociLayout(dir.path, images);
  return await unpackedBothWays(layout, dir.path);
}

async function unpackedBothWays(layout: string, directory: string): Promise<BothWays> {
  const bundle = join(directory, 'bundle');
  await run(['umoci', 'unpack', '--image', `${layout}:test`, bundle], {
    describe: 'unpack an image with umoci',
  });

  const reference = parseReference(`oci:${layout}:test`);
  if (reference.kind !== 'oci') throw new Error('not a layout');
  await using source = layoutSource(reference);
  const repository = await initRepository(join(directory, 'store'));
  const image = await source.resolve('amd64');
  const { tree } = await importImage(repository, source, image, { cacheDir: join(directory, 'cache') });
  return {
    ours: await listTree(repository, tree),
    theirs: listDirectory(join(bundle, 'rootfs')),
  };
}

/** No time in these images is later; what umoci shows later it took from the clock. */
const LATEST_TIME = BigInt(1_700_000_000) * 1_000_000_000n;

/**
 * Both listings without what umoci takes from the clock: all of a directory no layer describes, the time of one that an
 * opaque whiteout emptied.
 */
function withoutClock({ ours, theirs }: BothWays): { readonly ours: unknown; readonly theirs: unknown } {
  const clean = (listing: Listing): unknown =>
    [...listing].map(([path, entry]) => {
      if (path === '/' || path === '/gone') return { path, kind: entry.kind };
      const clock = BigInt(theirs.get(path)?.mtime ?? 0) > LATEST_TIME && entry.kind === 'directory';
      return { path, ...entry, mtime: clock ? 'clock' : entry.mtime };
    });
  return { ours: clean(ours), theirs: clean(theirs) };
}

const EMPTY: DirectoryNode = new LayeredTree().finish();
const NAMES = ['a', 'b', 'c', '+d', '.e'] as const;

/** Layers of members that make sense one after the other; what our own rules refuse is left out by asking them. */
function randomLayers(random: Random): readonly (readonly TarInput[])[] {
  const images: TarInput[][] = [];
  for (let layer = 0; layer < 4; layer += 1) {
    const members: TarInput[] = [];
    images.push(members);
    for (let count = 0; count < 40; count += 1) {
      const entry = randomMember(random, mergedTree(images) ?? EMPTY);
      members.push(entry);
      if (!isDescribed(entry, images) || mergedTree(images) === undefined) members.pop();
    }
  }
  return images;
}

/** The tree of some layers, without bodies; undefined when our rules refuse them. */
function mergedTree(images: readonly (readonly TarInput[])[]): DirectoryNode | undefined {
  const tree = new LayeredTree();
  try {
    for (const [index, members] of images.entries()) {
      tree.beginLayer(String(index));
      for (const entry of members) {
        const content =
          entry.kind === 'file' ? ({ kind: 'inline', bytes: new Uint8Array(0) } as const) : undefined;
        tree.apply({ header: entry, content });
      }
    }
  } catch (thrown) {
    if (isSlipwayError(thrown, 'LAYER_ENTRY_REFUSED')) return undefined;
    throw thrown;
  }
  return tree.finish();
}

/** Whether umoci gives the same answer: it makes up missing parents with the time of the clock, and removes what stands at
 * a name before it links there, also where that is what it links to. */
function isDescribed(entry: TarInput, images: readonly (readonly TarInput[])[]): boolean {
  if (entry.kind === 'hardlink' && `${entry.linkTarget}/`.startsWith(`${entry.path}/`)) return false;
  const before = images.map((members) => members.filter((other) => other !== entry));
  const parent = entry.path.replace(/\/?[^/]*\/?$/, '');
  return [...walkTree(mergedTree(before) ?? EMPTY)].some(
    ({ path, node }) => node.kind === 'directory' && path === `/${parent}`,
  );
}

function randomMember(random: Random, tree: DirectoryNode): TarInput {
  const path = Array.from({ length: 1 + random.below(3) }, () => random.pick(NAMES)).join('/');
  const times = { mtimeSec: 1_500_000_000 + random.below(1_000_000), mtimeNsec: random.below(1_000_000_000) };
  const owner = { uid: random.below(3), gid: random.below(70_000) };
  const what = random.below(10);
  // Mostly directories near the root: what replaces one takes everything below it away.
  if (what < 3 || (!path.includes('/') && random.chance(80)))
    return member(`${path}/`, { ...times, ...owner, mode: random.pick([0o755, 0o700, 0o1777]) });
  if (what < 6) {
    const text = 'x'.repeat(random.below(200));
    return file(path, text, { ...times, ...owner, xattrs: random.chance(20) ? user : new Map() });
  }
  if (what < 7) return { ...link(path, random.pick(['a', '../b', '/nowhere'])), ...times, ...owner };
  if (what < 8) {
    const leaves = [...walkTree(tree)].filter(({ node }) => node.kind === 'regular');
    const target = leaves[random.below(Math.max(leaves.length, 1))]?.path ?? '/none';
    return link(path, target.slice(1), 'hardlink');
  }
  const slash = path.lastIndexOf('/') + 1;
  if (what < 9) return member(`${path.slice(0, slash)}.wh.${path.slice(slash)}`);
  return member(`${path}/.wh..wh..opq`);
}
