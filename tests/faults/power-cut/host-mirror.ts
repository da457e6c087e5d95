/**
 * The files of a host's disk in a directory, as the packages read them: kept up to date from one moment of the disk to the next. A kernel without
 * fs-verity would not open the objects, so they are read by this project's own readers.
 */
import { createHash } from 'node:crypto';
import { chmodSync, lchownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { measureBytes } from '@slipway/composefs';
import { type DiskDirectory, type DiskSource, readFat } from '@slipway/disk';
import {
  dataRanges,
  type PlacedRange,
  readRange,
  readWhole,
} from '../../../packages/disk/src/ext4/read/content.ts';
import { readDirectory } from '../../../packages/disk/src/ext4/read/directory.ts';
import { type Ext4Inode, readInode } from '../../../packages/disk/src/ext4/read/inode.ts';
import { readVerityDescriptor } from '../../../packages/disk/src/ext4/read/verity.ts';
import { type Ext4Volume, openVolume } from '../../../packages/disk/src/ext4/read/volume.ts';
import { partsOf } from '../../../packages/host/src/testing/test-host.ts';
import { BLOCK_BYTES, type ReplayedPartition } from './replayed-disk.ts';

const ROOT_INODE = 2;
const LONGEST_LINK_BYTES = 4096;
const OBJECT = /^composefs\/objects\/(?<head>[0-9a-f]{2})\/(?<rest>[0-9a-f]{62})$/;
/** What a host's own records and images are; the rest of the disk is the programs' in /var. */
const WANTED = /^(?:composefs|state)(?:\/|$)/;
const UNWANTED = /^state\/(?:downloads|os\/default\/var\/(?!lib(?:\/kept)?$))/;

/** A directory with the files of a disk. */
export class HostMirror {
  readonly directory: string;
  /** What is wrong with an object, by digest; undefined for one that is whole and sealed. */
  readonly objects: Map<string, string | undefined> = new Map();
  /** By path from the root of the file system. */
  #known: ReadonlyMap<string, string> = new Map();
  #espFingerprint: number | undefined;

  constructor(directory: string) {
    this.directory = directory;
    for (const path of Object.values(partsOf(directory))) mkdirSync(path, { recursive: true });
  }

  /** Brings the root up to date. Names what cannot be read. */
  async readRoot(partition: ReplayedPartition): Promise<void> {
    const volume = await openVolume(partition.source());
    const seen = new Map<string, string>();
    for await (const { path, inode } of walk(volume)) {
      const ranges = inode.kind === 'file' ? await Array.fromAsync(dataRanges(volume, inode)) : [];
      const signature = signatureOf(inode, ranges, partition);
      seen.set(path, signature);
      if (this.#known.get(path) !== signature) await this.#write(volume, path, inode, ranges);
    }
    for (const path of [...this.#known.keys()].reverse()) if (!seen.has(path)) this.#remove(path);
    this.#known = seen;
  }

  /** Brings the boot partition up to date: its files as the system finds them, which has it repaired first. */
  async readEsp(partition: ReplayedPartition, repaired: DiskSource): Promise<void> {
    const fingerprint = partition.fingerprint();
    if (fingerprint === this.#espFingerprint) return;
    const { esp } = partsOf(this.directory);
    rmSync(esp, { recursive: true, force: true });
    await writeTree((await readFat(repaired)).root, esp);
    this.#espFingerprint = fingerprint;
  }

  /** Equal for moments in which the host's own records are equal: everything but objects. */
  fingerprint(): string {
    const hash = createHash('sha256').update(String(this.#espFingerprint));
    for (const [path, signature] of this.#known)
      if (!OBJECT.test(path)) hash.update(`${path}\0${signature}\0`);
    return hash.digest('hex');
  }

  async #write(
    volume: Ext4Volume,
    path: string,
    inode: Ext4Inode,
    ranges: readonly PlacedRange[],
  ): Promise<void> {
    const target = join(partsOf(this.directory).sysroot, path);
    const { mode, uid, gid } = inode.meta;
    if (inode.kind === 'directory') {
      mkdirSync(target, { recursive: true });
    } else if (inode.kind === 'symlink') {
      rmSync(target, { force: true });
      symlinkSync(await linkTarget(volume, inode), target);
    } else if (inode.kind === 'file') {
      rmSync(target, { force: true });
      const bytes = await fileBytes(volume, inode, ranges);
      writeFileSync(target, bytes);
      await this.#checkObject(volume, path, inode, bytes);
    } else {
      return;
    }
    lchownSync(target, uid, gid);
    if (inode.kind !== 'symlink') chmodSync(target, mode);
  }

  async #checkObject(volume: Ext4Volume, path: string, inode: Ext4Inode, bytes: Buffer): Promise<void> {
    const digest = digestOfPath(path);
    if (digest === undefined) return;
    const problem = await objectProblem(volume, inode, digest, bytes);
    this.objects.set(digest, problem);
  }

  #remove(path: string): void {
    rmSync(join(partsOf(this.directory).sysroot, path), { recursive: true, force: true });
    const digest = digestOfPath(path);
    if (digest !== undefined) this.objects.delete(digest);
  }
}

function digestOfPath(path: string): string | undefined {
  const { head, rest } = OBJECT.exec(path)?.groups ?? {};
  return head === undefined || rest === undefined ? undefined : head + rest;
}

async function objectProblem(
  volume: Ext4Volume,
  inode: Ext4Inode,
  digest: string,
  bytes: Buffer,
): Promise<string | undefined> {
  const actual = measureBytes(bytes, 'sha256').toString('hex');
  if (actual !== digest) return `the object ${digest} has the bytes of ${actual}`;
  if (!inode.isSealed) return `the object ${digest} is not sealed`;
  const sealed = (await readVerityDescriptor(volume, inode)).digest.toString('hex');
  return sealed === digest ? undefined : `the object ${digest} is sealed as ${sealed}`;
}

async function* walk(
  volume: Ext4Volume,
): AsyncGenerator<{ readonly path: string; readonly inode: Ext4Inode }, void, undefined> {
  const pending = [{ path: '', inode: await readInode(volume, ROOT_INODE) }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for await (const { name, number } of readDirectory(volume, next.inode)) {
      const path = next.path === '' ? name : `${next.path}/${name}`;
      if (!WANTED.test(path) || UNWANTED.test(path)) continue;
      const inode = await readInode(volume, number);
      yield { path, inode };
      if (inode.kind === 'directory') pending.push({ path, inode });
    }
  }
}

function signatureOf(
  inode: Ext4Inode,
  ranges: readonly PlacedRange[],
  { versions }: ReplayedPartition,
): string {
  let sum = 17;
  for (const { diskOffsetBytes, lengthBytes } of ranges) {
    const last = Math.floor((diskOffsetBytes + lengthBytes - 1) / BLOCK_BYTES);
    for (let block = Math.floor(diskOffsetBytes / BLOCK_BYTES); block <= last; block += 1) {
      sum = (Math.imul(sum, 31) + (versions[block] ?? 0) + block) | 0;
    }
  }
  const { kind, number, meta, sizeBytes, isSealed } = inode;
  const link = kind === 'symlink' ? inode.block.toString('latin1') : '';
  return [kind, number, meta.mode, meta.uid, meta.gid, sizeBytes, isSealed, sum, link].join();
}

async function fileBytes(
  volume: Ext4Volume,
  inode: Ext4Inode,
  ranges: readonly PlacedRange[],
): Promise<Buffer> {
  const bytes = Buffer.alloc(inode.sizeBytes);
  for (const range of ranges) {
    let at = range.offsetBytes;
    for await (const chunk of readRange(volume, range)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
  }
  return bytes;
}

async function linkTarget(volume: Ext4Volume, inode: Ext4Inode): Promise<string> {
  if (inode.sizeBytes < inode.block.length) return inode.block.toString('latin1', 0, inode.sizeBytes);
  return (await readWhole(volume, inode, LONGEST_LINK_BYTES)).toString('latin1');
}

async function writeTree(directory: DiskDirectory, path: string): Promise<void> {
  mkdirSync(path, { recursive: true });
  for (const [name, node] of directory.entries) {
    const target = join(path, name);
    if (node.kind === 'directory') await writeTree(node, target);
    if (node.kind !== 'file') continue;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, Buffer.concat(await Array.fromAsync(node.open())));
  }
}
