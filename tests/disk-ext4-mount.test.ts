import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import {
  type DiskDirectory,
  type DiskFile,
  type DiskNode,
  deriveUuid,
  openRawTarget,
  planExt4,
  writeExt4,
} from '@slipway/disk';
import { readXattrs } from '@slipway/linux';
import { expect, test } from 'vitest';
import { directory, file, meta, noise } from './harness/disk-trees.ts';

/*
 * The kernel mounts a file system of ours and shows every byte, mode, owner, attribute and time that was asked for. Needs root
 * and a loop device. Files sealed with fs-verity are not in it: only kernels with fs-verity open those.
 */

const MIB = 1024 * 1024;

const ACL = Buffer.from(
  '0200000001000700ffffffff02000500e803000004000500ffffffff10000500ffffffff20000400ffffffff',
  'hex',
);
const linked = file(noise(5000, 'linked'));
const comb: DiskFile = {
  ...file(noise(800 * 4096, 'comb')),
  sizeBytes: 1600 * 4096 + 5,
  data: Array.from({ length: 800 }, (_, index) => ({ offsetBytes: index * 8192, lengthBytes: 4096 })),
};

const TREE = directory(
  [
    ['large', file(noise(9 * MIB + 1, 'large'), { mode: 0o6755, uid: 70_000, gid: 3_000_000_000 })],
    ['empty', file(Buffer.alloc(0))],
    ['one name', linked],
    ['and \xff\x01 another', linked],
    ['comb', comb],
    [
      'many',
      directory(
        Array.from(
          { length: 3000 },
          (_, index) => [`entry \xfc\x80 ${index}`, file(Buffer.from(`${index}`))] as const,
        ),
      ),
    ],
    ['short', { kind: 'symlink', target: '../elsewhere', meta: meta({ mode: 0o777 }) }],
    ['long', { kind: 'symlink', target: 'y'.repeat(4095), meta: meta({ mode: 0o777 }) }],
    ['null', { kind: 'character-device', major: 1, minor: 3, meta: meta({ mode: 0o666 }) }],
    ['nvme', { kind: 'block-device', major: 259, minor: 70_000, meta: meta({ mode: 0o660 }) }],
    ['fifo', { kind: 'fifo', meta: meta({ mode: 0o600 }) }],
    ['socket', { kind: 'socket', meta: meta({ mode: 0o700 }) }],
    ['early', file(Buffer.from('e'), { mtimeSec: -5, mtimeNsec: 123_456_789 })],
    ['late', file(Buffer.from('l'), { mtimeSec: 6_000_000_000, mtimeNsec: 999_999_999 })],
    [
      'attributes',
      file(Buffer.from('a'), {
        xattrs: new Map([
          ['security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex')],
          ['system.posix_acl_access', ACL],
          ['trusted.overlay.opaque', Buffer.from('y')],
          ['user.binary \xfe', noise(3000, 'xattr')],
          ['user.empty', Buffer.alloc(0)],
        ]),
      }),
    ],
  ],
  { mode: 0o1775, uid: 12 },
);

test('a mounted file system shows everything that was written', async () => {
  await using dir = await makeTempDir('ext4-mount');
  const image = join(dir.path, 'fs.img');
  const plan = planExt4(TREE, {
    uuid: deriveUuid('seed', 'root'),
    timeSec: 1_700_000_000,
    sizeBytes: 700 * MIB,
  });
  await using target = await openRawTarget(image, plan.sizeBytes);
  await writeExt4(target, plan);
  await target.finish();
  await using mount = await mountReadOnly(image, dir.path);
  await expectNode(Buffer.from(mount.path), TREE);
});

interface Mount extends AsyncDisposable {
  readonly path: string;
}

async function mountReadOnly(image: string, parent: string): Promise<Mount> {
  const path = join(parent, 'mnt');
  await mkdir(path);
  await run(['mount', '-t', 'ext4', '-o', 'loop,ro', image, path], { describe: 'mount the file system' });
  return {
    path,
    async [Symbol.asyncDispose]() {
      await run(['umount', path], { describe: 'unmount the file system' });
    },
  };
}

async function expectNode(path: Buffer, node: DiskNode): Promise<void> {
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
  if (node.kind === 'directory') await expectDirectory(path, node);
  if (node.kind === 'file') {
    expect(stat.size).toBe(BigInt(node.sizeBytes));
    if (node === linked) expect(stat.nlink).toBe(2n);
    expect(await digestOfFile(path)).toBe(await digestOfNode(node));
  }
  if (node.kind === 'symlink') expect((await readlink(path, 'buffer')).toString('latin1')).toBe(node.target);
  if (node.kind === 'character-device' || node.kind === 'block-device') {
    expect([majorOf(stat.rdev), minorOf(stat.rdev)]).toEqual([node.major, node.minor]);
  }
}

async function expectDirectory(path: Buffer, node: DiskDirectory): Promise<void> {
  const names = (await readdir(path, 'buffer')).map((name) => name.toString('latin1')).sort();
  const isRoot = node === TREE;
  expect(names).toEqual([...node.entries.keys(), ...(isRoot ? ['lost+found'] : [])].sort());
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
