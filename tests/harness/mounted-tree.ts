/** File systems of ours, seen through the kernel. */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@slipway/core';
import type { DiskDirectory, DiskFile, DiskNode } from '@slipway/disk';
import { readXattrs } from '@slipway/linux';
import { expect } from 'vitest';

/** A file system of this machine, mounted from a file. */
export interface MountedVolume extends AsyncDisposable {
  readonly path: string;
}

/** Mounts a file read-only below a directory. Needs root and a loop device. */
export async function mountReadOnly(
  fileSystem: 'ext4' | 'btrfs' | 'xfs',
  image: string,
  parent: string,
): Promise<MountedVolume> {
  const path = join(parent, `mounted-${fileSystem}`);
  await mkdir(path, { recursive: true });
  await run(['mount', '-t', fileSystem, '-o', 'loop,ro', image, path], { describe: 'mount the file system' });
  return {
    path,
    async [Symbol.asyncDispose]() {
      await run(['umount', path], { describe: 'unmount the file system' });
    },
  };
}

/**
 * What is mounted shows every name, byte, mode, owner, time, attribute and device number of a tree, and nothing else.
 *
 * @param besides names at the top that the file system brings itself
 */
export async function expectMounted(
  path: string,
  tree: DiskDirectory,
  besides: readonly string[] = [],
): Promise<void> {
  await expectNode(Buffer.from(path), tree, besides);
}

async function expectNode(path: Buffer, node: DiskNode, besides: readonly string[] = []): Promise<void> {
  const stat = await lstat(path, { bigint: true });
  const shown = {
    path: path.toString('latin1'),
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeNs: stat.mtimeNs,
    xattrs: new Map([...readXattrs(path)].map(([key, value]) => [key, value.toString('hex')])),
    kind: kindOf(stat),
  };
  expect(shown).toEqual({
    path: path.toString('latin1'),
    mode: node.meta.mode,
    uid: node.meta.uid,
    gid: node.meta.gid,
    mtimeNs: BigInt(node.meta.mtimeSec) * 1_000_000_000n + BigInt(node.meta.mtimeNsec),
    xattrs: new Map(
      [...(node.meta.xattrs ?? [])].map(([key, value]) => [key, Buffer.from(value).toString('hex')]),
    ),
    kind: node.kind,
  });
  if (node.kind === 'directory') await expectDirectory(path, node, besides);
  if (node.kind === 'file') {
    expect(stat.size).toBe(BigInt(node.sizeBytes));
    expect(await digestOfFile(path)).toBe(await digestOfNode(node));
  }
  if (node.kind === 'symlink') expect((await readlink(path, 'buffer')).toString('latin1')).toBe(node.target);
  if (node.kind === 'character-device' || node.kind === 'block-device') {
    expect([majorOf(stat.rdev), minorOf(stat.rdev)]).toEqual([node.major, node.minor]);
  }
}

async function expectDirectory(path: Buffer, node: DiskDirectory, besides: readonly string[]): Promise<void> {
  const names = (await readdir(path, 'buffer')).map((name) => name.toString('latin1')).sort();
  expect(names).toEqual([...node.entries.keys(), ...besides].sort());
  for (const [name, child] of node.entries) {
    await expectNode(Buffer.concat([path, Buffer.from('/'), Buffer.from(name, 'latin1')]), child);
  }
}

function kindOf(stat: BigIntStats): DiskNode['kind'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isCharacterDevice()) return 'character-device';
  if (stat.isBlockDevice()) return 'block-device';
  return stat.isFIFO() ? 'fifo' : 'socket';
}

async function digestOfFile(path: Buffer): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

/** Of the bytes the file is to have, holes as zeros. */
async function digestOfNode(node: DiskFile): Promise<string> {
  const bytes = Buffer.alloc(node.sizeBytes);
  const chunks: Uint8Array[] = [];
  for await (const chunk of node.open()) chunks.push(chunk);
  const content = Buffer.concat(chunks);
  let at = 0;
  for (const { offsetBytes, lengthBytes } of node.data ?? [{ offsetBytes: 0, lengthBytes: node.sizeBytes }]) {
    bytes.set(content.subarray(at, at + lengthBytes), offsetBytes);
    at += lengthBytes;
  }
  return createHash('sha256').update(bytes).digest('hex');
}

function majorOf(device: bigint): number {
  return Number((device >> 8n) & 0xfffn);
}

function minorOf(device: bigint): number {
  return Number((device & 0xffn) | ((device >> 12n) & 0xfff00n));
}
