import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DirectoryNode,
  measureBytes,
  parseDump,
  type RegularNode,
  type TreeNode,
  writeErofs,
} from '@slipway/composefs';
import { makeTempDir, type TempDir } from '@slipway/core';
import { readXattrs } from '@slipway/linux';
import { expect, test } from 'vitest';
import { Random, randomDump } from '../packages/composefs/src/testing/random-dump.ts';
import { type MountedImage, mountImage } from './harness/mounted-image.ts';

// Scenario: the kernel mounts our image the way a booting host does, EROFS from the image file and over it an overlay
// whose data comes from an object store. What a process sees there is the tree, every byte and attribute of it.

test('the kernel shows the tree that was written', async () => {
  await using dir = await makeTempDir('mount');
  let entries = 0;
  for (let seed = 1; seed <= 20; seed += 1) {
    const store = new Map<string, Buffer>();
    const tree = mountable(randomTree(seed), new Random(seed), store);
    await using mounted = await mountTree(dir.path, seed, tree, store);
    const seen = new Map<string, unknown>();
    await lookAround(Buffer.from(mounted.path), '', seen);
    const expected = new Map<string, unknown>();
    describeTree(tree, '', expected, store);
    entries += seen.size;
    expect({ seed, seen }).toEqual({ seed, seen: expected });
  }
  expect(entries).toBeGreaterThan(500);
});

function randomTree(seed: number): DirectoryNode {
  return parseDump(Buffer.from(randomDump(seed), 'latin1')).root;
}

/** Leaves out what no kernel takes, and gives every object bytes of its own, kept in `store` by path. */
function mountable(tree: DirectoryNode, random: Random, store: Map<string, Buffer>): DirectoryNode {
  const changed = new Map<TreeNode, TreeNode>();
  const change = (node: TreeNode): TreeNode | undefined => {
    const known = changed.get(node);
    if (known !== undefined) return known;
    const made = changeNode(node);
    if (made !== undefined) changed.set(node, made);
    return made;
  };
  const changeNode = (node: TreeNode): TreeNode | undefined => {
    const id = (value: number): number => Math.min(value, 0xfffffffe);
    const xattrs = new Map([...node.meta.xattrs].filter(([key]) => isKnownToKernel(key, node)));
    const meta = { ...node.meta, uid: id(node.meta.uid), gid: id(node.meta.gid), xattrs };
    if (node.kind === 'directory') {
      const entries = new Map<string, TreeNode>();
      for (const [name, child] of node.entries) {
        const made = change(child);
        if (made !== undefined) entries.set(name, made);
      }
      return { ...node, meta, entries };
    }
    if (node.kind === 'character-device' && node.major === 0 && node.minor === 0) return undefined;
    if (node.kind !== 'regular' || node.content.kind === 'inline') return { ...node, meta };
    return { ...node, meta, content: newObject(random, store) };
  };
  const root = changeNode(tree);
  if (root?.kind !== 'directory') throw new Error('the root is a directory');
  return root;
}

function newObject(random: Random, store: Map<string, Buffer>): RegularNode['content'] {
  const bytes = Buffer.from(random.hex(1 + random.below(20_000)));
  const digest = measureBytes(bytes, 'sha256');
  const hex = digest.toString('hex');
  store.set(`${hex.slice(0, 2)}/${hex.slice(2)}`, bytes);
  return { kind: 'object', sizeBytes: bytes.length, digest };
}

/** Access lists and capabilities have a form the kernel checks; it lists only prefixes it knows. */
function isKnownToKernel(key: string, node: TreeNode): boolean {
  if (key.startsWith('user.')) return key !== 'user.' && ['regular', 'directory'].includes(node.kind);
  return key.startsWith('trusted.') || key === 'security.selinux' || key === 'security.ima';
}

async function mountTree(
  parent: TempDir['path'],
  seed: number,
  tree: DirectoryNode,
  store: ReadonlyMap<string, Buffer>,
): Promise<MountedImage> {
  const at = join(parent, String(seed));
  const objects = join(at, 'objects');
  await mkdir(objects, { recursive: true });
  for (const [path, bytes] of store) {
    await mkdir(join(objects, path.slice(0, 2)), { recursive: true });
    await writeFile(join(objects, path), bytes);
  }
  await writeFile(join(at, 'image'), writeErofs(tree));
  return await mountImage(join(at, 'image'), objects, at);
}

/** What a process sees, by path as latin1. */
async function lookAround(root: Buffer, path: string, seen: Map<string, unknown>): Promise<void> {
  const at = Buffer.concat([root, Buffer.from(path, 'latin1')]);
  const status = await lstat(at, { bigint: true });
  const attributes = [...readXattrs(at)].sort(byKey).map(([key, value]) => [key, value.toString('hex')]);
  seen.set(path, {
    mode: status.mode,
    owner: `${status.uid}:${status.gid}`,
    time: status.mtimeNs,
    device: status.isCharacterDevice() || status.isBlockDevice() ? status.rdev : 0n,
    nlink: status.isDirectory() ? undefined : status.nlink,
    attributes,
    body: await bodyOf(at, status),
  });
  if (!status.isDirectory()) return;
  for (const name of await readdir(at, { encoding: 'buffer' })) {
    await lookAround(root, `${path}/${name.toString('latin1')}`, seen);
  }
}

async function bodyOf(at: Buffer, status: Awaited<ReturnType<typeof lstat>>): Promise<string | undefined> {
  if (status.isSymbolicLink()) return (await readlink(at, { encoding: 'buffer' })).toString('hex');
  return status.isFile() ? (await readFile(at)).toString('hex') : undefined;
}

/** What the tree says they should see. */
function describeTree(
  root: DirectoryNode,
  path: string,
  expected: Map<string, unknown>,
  store: ReadonlyMap<string, Buffer>,
): void {
  const names = new Map<TreeNode, number>();
  const count = (node: TreeNode): void => {
    names.set(node, (names.get(node) ?? 0) + 1);
    if (node.kind === 'directory') for (const child of node.entries.values()) count(child);
  };
  count(root);
  const describe = (node: TreeNode, at: string): void => {
    const { meta } = node;
    expected.set(at, {
      mode: BigInt(MODES[node.kind] | meta.mode),
      owner: `${meta.uid}:${meta.gid}`,
      time: BigInt(meta.mtimeSec) * 1_000_000_000n + BigInt(meta.mtimeNsec),
      device: 'major' in node ? deviceNumber(node.major, node.minor) : 0n,
      nlink: node.kind === 'directory' ? undefined : BigInt(names.get(node) ?? 0),
      attributes: [...meta.xattrs]
        .sort(byKey)
        .map(([key, value]) => [key, Buffer.from(value).toString('hex')]),
      body: expectedBody(node, store),
    });
    if (node.kind === 'directory') for (const [name, child] of node.entries) describe(child, `${at}/${name}`);
  };
  describe(root, path);
}

const MODES = {
  directory: 0o040000,
  regular: 0o100000,
  symlink: 0o120000,
  'character-device': 0o020000,
  'block-device': 0o060000,
  fifo: 0o010000,
  socket: 0o140000,
} as const;

function expectedBody(node: TreeNode, store: ReadonlyMap<string, Buffer>): string | undefined {
  if (node.kind === 'symlink') return Buffer.from(node.target, 'latin1').toString('hex');
  if (node.kind !== 'regular') return undefined;
  if (node.content.kind === 'inline') return Buffer.from(node.content.bytes).toString('hex');
  const hex = Buffer.from(node.content.digest ?? []).toString('hex');
  return store.get(`${hex.slice(0, 2)}/${hex.slice(2)}`)?.toString('hex');
}

/** As stat(2) shows it: glibc's 64-bit encoding. */
function deviceNumber(major: number, minor: number): bigint {
  return (BigInt(major) << 8n) | (BigInt(minor) & 0xffn) | ((BigInt(minor) & ~0xffn) << 12n);
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
