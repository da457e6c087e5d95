import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type DirectoryNode,
  dumpImage,
  imageId,
  parseDump,
  type RegularNode,
  readErofsContents,
  scanDirectory,
  treeObjects,
  type VerityAlgorithm,
  walkTree,
  writeDump,
  writeErofs,
} from '@slipway/composefs';
import { makeTempDir, run } from '@slipway/core';
import { readXattrs } from '@slipway/linux';
import { beforeAll, describe, expect, test } from 'vitest';
import { hasAlpine } from './harness/alpine-tree.ts';
import { distributionTree, type Suite } from './harness/distribution-tree.ts';
import { mountImage } from './harness/mounted-image.ts';
import { prepareReference, reference } from './harness/reference-composefs.ts';
import { CACHE } from './harness/slipway.ts';
import { findUbuntuReleases } from './harness/ubuntu-archive.ts';

// Scenario: the trees of three releases of Debian, of two of Ubuntu, and of Alpine, which is made of other programs packed another way.
// The image of each is the one mkcomposefs makes, says of it what composefs-info says, satisfies the checker of EROFS, and shows mounted
// every byte and attribute of the tree it was made of.

const ubuntu = await findUbuntuReleases(['jammy', 'noble']);
const alpine = await hasAlpine();

const CASES: readonly (readonly [Suite, VerityAlgorithm])[] = [
  ['bookworm', 'sha256'],
  ['trixie', 'sha512'],
  ['sid', 'sha256'],
  ...ubuntu.there.map((suite, index) => [suite, index % 2 === 0 ? 'sha512' : 'sha256'] as const),
  ...(alpine ? [['alpine', 'sha512'] as const] : []),
];

beforeAll(async () => {
  await prepareReference();
});

const missing = [...ubuntu.missing.map((suite) => `Ubuntu's ${suite}`), ...(alpine ? [] : ['Alpine'])];
const without =
  missing.length === 0
    ? ''
    : `, but none of ${missing.join(' and ')}: the mirror of this machine does not have it`;

test(`${CASES.length} trees${without}`, () => {
  expect(CASES.length).toBeGreaterThanOrEqual(3);
});

describe.each(CASES)('%s', (suite, algorithm) => {
  test('the image and what is said of it are those of the reference tools', async () => {
    const source = await distributionTree(suite);
    await using dir = await makeTempDir('distribution');
    const path = join(dir.path, 'theirs');
    const made = await reference('mkcomposefs', ['--print-digest', source, path]);
    const theirs = await readFile(path);
    const ours = writeErofs(await scanDirectory(source, { hardLinks: 'separate' }));
    expect(imageId(ours, 'sha256')).toBe(made.stdout.toString('utf8').trim());
    expect(ours.equals(theirs)).toBe(true);
    const contents = readErofsContents(theirs);
    const [ourDump, theirDump] = [
      Buffer.concat([...dumpImage(contents)]),
      (await reference('composefs-info', ['dump', path])).stdout,
    ];
    expect(canonical(ourDump).equals(canonical(theirDump))).toBe(true);
    const listed = (await reference('composefs-info', ['objects', path])).stdout
      .toString('utf8')
      .trim()
      .split('\n');
    expect(new Set(await treeObjects(only(contents.root)))).toEqual(new Set(listed));
  });

  test(`mounted by the kernel, every byte and attribute is the tree's, objects by ${algorithm}`, async () => {
    const source = await distributionTree(suite);
    // Beside the tree, so that its files can be linked instead of copied.
    const at = await mkdtemp(`${CACHE}/mount-`);
    try {
      const tree = await scanDirectory(source, { algorithm });
      const image = join(at, 'image');
      await writeFile(image, writeErofs(tree, { minVersion: 1 }));
      await run(['fsck.erofs', image], { describe: 'check the image', debianPackage: 'erofs-utils' });
      await linkObjects(tree, source, join(at, 'objects'));
      await using mounted = await mountImage(image, join(at, 'objects'), at);
      const names = countNames(tree);
      let files = 0;
      for (const { path, node } of walkTree(tree)) {
        const [there, here] = [seen(mounted.path + path), seen(source + path)];
        const links = node.kind === 'directory' ? undefined : names.get(node);
        expect({ path, ...there }).toEqual({ path, ...here, links });
        if (node.kind === 'regular') expect(sameBytes(mounted.path + path, source + path), path).toBe(true);
        if (node.kind === 'directory')
          expect(readdirSync(mounted.path + path).length).toBe(node.entries.size);
        files += 1;
      }
      expect(files).toBeGreaterThan(8000);
    } finally {
      await rm(at, { recursive: true });
    }
  });
});

async function* only(root: DirectoryNode): AsyncGenerator<DirectoryNode> {
  yield root;
}

/** Dumps of the two tools have attributes in different orders. */
function canonical(dump: Buffer): Buffer {
  const { root, facts } = parseDump(dump);
  return Buffer.concat([...writeDump(root, facts)]);
}

async function linkObjects(tree: DirectoryNode, source: string, objects: string): Promise<void> {
  const made = new Set<string>();
  for (const { path, node } of walkTree(tree)) {
    if (node.kind !== 'regular' || node.content.kind !== 'object') continue;
    const object = join(objects, objectPath(node.content));
    if (made.has(object)) continue;
    made.add(object);
    await mkdir(dirname(object), { recursive: true });
    await link(source + path, object);
  }
}

function objectPath({ digest }: Extract<RegularNode['content'], { kind: 'object' }>): string {
  const hex = Buffer.from(digest ?? []).toString('hex');
  return `${hex.slice(0, 2)}/${hex.slice(2)}`;
}

function countNames(tree: DirectoryNode): ReadonlyMap<unknown, number> {
  const names = new Map<unknown, number>();
  for (const { node } of walkTree(tree)) names.set(node, (names.get(node) ?? 0) + 1);
  return names;
}

/** What a process sees of a path, its bytes left out; linking objects has changed how many names those of the source have. */
function seen(path: string): Readonly<Record<string, unknown>> {
  const status = lstatSync(path, { bigint: true });
  return {
    mode: status.mode,
    owner: `${status.uid}:${status.gid}`,
    time: status.mtimeNs,
    device: status.isCharacterDevice() || status.isBlockDevice() ? status.rdev : 0n,
    size: status.isDirectory() ? 0n : status.size,
    links: status.isDirectory() ? undefined : Number(status.nlink),
    target: status.isSymbolicLink() ? readlinkSync(path, 'latin1') : undefined,
    attributes: [...readXattrs(Buffer.from(path))]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, value.toString('hex')]),
  };
}

function sameBytes(a: string, b: string): boolean {
  return readFileSync(a).equals(readFileSync(b));
}
