/**
 * A disk as it was at a moment of a record of writes: its boot partition and its root, each in a file of its own. Moments follow each other, so
 * that only what was written in between has to be written again; what lies beyond the last flush is tried and taken back.
 */
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@slipway/core';
import { type DiskSource, openRawSource, type Partition, readGpt } from '@slipway/disk';
import type { LoggedRequest, WriteLog } from './write-log.ts';

export const BLOCK_BYTES = 4096;

/** Part of a write that reached the disk. */
export interface LandedWrite {
  readonly request: LoggedRequest;
  /** The first so many bytes of it. */
  readonly lengthBytes: number;
}

/** One partition in a file, with a number for each block that changes with its bytes. */
export class ReplayedPartition {
  readonly path: string;
  readonly sizeBytes: number;
  readonly offsetBytes: number;
  /** By block: equal numbers, equal bytes. */
  readonly versions: Uint32Array;
  readonly #fd: number;

  constructor(path: string, { offsetBytes, sizeBytes }: Partition) {
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.offsetBytes = offsetBytes;
    this.versions = new Uint32Array(Math.ceil(sizeBytes / BLOCK_BYTES));
    this.#fd = openSync(path, 'r+');
  }

  /** Reads without waiting: the file is in memory. */
  source(): DiskSource {
    return { sizeBytes: this.sizeBytes, read: async (at, length) => this.bytes(at, length) };
  }

  bytes(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    readSync(this.#fd, bytes, 0, length, at);
    return bytes;
  }

  write(at: number, data: Buffer, version: (block: number) => number): void {
    writeSync(this.#fd, data, 0, data.length, at);
    const last = Math.floor((at + data.length - 1) / BLOCK_BYTES);
    for (let block = Math.floor(at / BLOCK_BYTES); block <= last; block += 1)
      this.versions[block] = version(block);
  }

  /** One number for the whole partition. */
  fingerprint(): number {
    return this.versions.reduce((sum, version) => (Math.imul(sum, 31) + version) | 0, 7);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** The partitions of a host's disk at one moment. */
export class ReplayedDisk implements AsyncDisposable {
  readonly esp: ReplayedPartition;
  readonly root: ReplayedPartition;
  readonly #diskPath: string;
  readonly #log: WriteLog;
  /** Requests applied for good. */
  #position = 0;
  #version = 0;

  constructor(diskPath: string, log: WriteLog, esp: ReplayedPartition, root: ReplayedPartition) {
    this.#diskPath = diskPath;
    this.#log = log;
    this.esp = esp;
    this.root = root;
  }

  /** Everything up to a request, that one excluded. */
  async advanceTo(position: number): Promise<void> {
    for (; this.#position < position; this.#position += 1) {
      const request = this.#log.requests[this.#position];
      if (request !== undefined) await this.#apply({ request, lengthBytes: request.lengthBytes });
    }
  }

  /** Does something while these writes have reached the disk as well, then takes them back. */
  async with<T>(writes: readonly LandedWrite[], work: () => Promise<T>): Promise<T> {
    const before = [];
    for (const write of writes) before.push(await this.#apply(write));
    try {
      return await work();
    } finally {
      for (const undo of before.toReversed()) undo();
    }
  }

  /** Writes the whole disk as it is now, for a machine to boot. */
  async save(path: string): Promise<void> {
    const first = Math.min(this.esp.offsetBytes, this.root.offsetBytes);
    const end = Math.max(
      ...[this.esp, this.root].map(({ offsetBytes, sizeBytes }) => offsetBytes + sizeBytes),
    );
    const { size } = await stat(this.#diskPath);
    rmSync(path, { force: true });
    await run(['truncate', '-s', String(size), path], { describe: 'make a disk' });
    await copyRange(this.#diskPath, path, 0, 0, first);
    await copyRange(this.#diskPath, path, end, end, size - end);
    for (const part of [this.esp, this.root])
      await copyRange(part.path, path, 0, part.offsetBytes, part.sizeBytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.esp.close();
    this.root.close();
    await this.#log[Symbol.asyncDispose]();
  }

  /** Answers with what takes it back. */
  async #apply({ request, lengthBytes }: LandedWrite): Promise<() => void> {
    const partition = [this.esp, this.root].find(
      ({ offsetBytes, sizeBytes }) =>
        request.offsetBytes >= offsetBytes && request.offsetBytes < offsetBytes + sizeBytes,
    );
    // The partition table is the same at all times.
    if (partition === undefined || lengthBytes === 0) return () => undefined;
    const at = request.offsetBytes - partition.offsetBytes;
    const data =
      request.kind === 'write' ? await this.#log.data(request, 0, lengthBytes) : Buffer.alloc(lengthBytes);
    const old = partition.bytes(at, data.length);
    const firstBlock = Math.floor(at / BLOCK_BYTES);
    const oldVersions = partition.versions.slice(
      firstBlock,
      Math.floor((at + data.length - 1) / BLOCK_BYTES) + 1,
    );
    this.#version += 1;
    const version = this.#version;
    partition.write(at, data, () => version);
    return () => partition.write(at, old, (block) => oldVersions[block - firstBlock] ?? 0);
  }
}

/** The disk as it was before the record, in files below a directory. */
export async function replayDisk(diskPath: string, log: WriteLog, directory: string): Promise<ReplayedDisk> {
  await using disk = await openRawSource(diskPath);
  // The boot partition is the first, the root the last; between them is what a BIOS starts.
  const { partitions } = await readGpt(disk);
  const [esp, root] = [partitions[0], partitions.at(-1)];
  if (esp === undefined || root === undefined) throw new Error('this is not the disk of a host');
  return new ReplayedDisk(
    diskPath,
    log,
    new ReplayedPartition(await copyOf(diskPath, esp, join(directory, 'esp.img')), esp),
    new ReplayedPartition(await copyOf(diskPath, root, join(directory, 'root.img')), root),
  );
}

async function copyOf(
  diskPath: string,
  { offsetBytes, sizeBytes }: Partition,
  path: string,
): Promise<string> {
  const image = {
    driver: 'raw',
    offset: offsetBytes,
    size: sizeBytes,
    file: { driver: 'file', filename: diskPath },
  };
  await run(['qemu-img', 'convert', '-O', 'raw', `json:${JSON.stringify(image)}`, path], {
    describe: 'copy a partition',
  });
  return path;
}

async function copyRange(from: string, to: string, at: number, toAt: number, length: number): Promise<void> {
  const range = [`skip=${at}`, `seek=${toAt}`, `count=${length}`];
  const how = [
    'bs=1M',
    'iflag=skip_bytes,count_bytes',
    'oflag=seek_bytes',
    'conv=sparse,notrunc',
    'status=none',
  ];
  await run(['dd', `if=${from}`, `of=${to}`, ...range, ...how], { describe: 'put a disk together' });
}
