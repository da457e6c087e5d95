import { createHash } from 'node:crypto';
import { open, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { messageOf, type OperationOptions, operation, SlipwayError, startTask } from '@slipway/core';
import type { WrittenDisk } from './request.ts';

const FILE_NAME = 'SHA256SUMS';

/** Larger is no file of ours. */
const MOST_BYTES = 1024 * 1024;
const LINE = /^(?<sum>[0-9a-f]{64}) {2}(?<name>[^/]+)$/;

/**
 * Writes SHA256SUMS beside the disks, as `sha256sum --check` reads it. Lines of other files that are there stay. A power cut
 * leaves the file of before or this one.
 *
 * @throws SlipwayError IO_FAILED
 */
export async function writeChecksums(directory: string, disks: readonly WrittenDisk[]): Promise<void> {
  const path = join(directory, FILE_NAME);
  const partialPath = `${path}.partial-${process.pid}`;
  try {
    const sums = await readChecksums(directory);
    for (const disk of disks) {
      if (disk.sha256 !== undefined) sums.set(basename(disk.path), disk.sha256);
    }
    const lines = [...sums].toSorted(byName).map(([name, sum]) => `${sum}  ${name}\n`);
    await writeFile(partialPath, lines.join(''), { flush: true });
    await rename(partialPath, path);
  } catch (cause) {
    await unlink(partialPath).catch(() => undefined);
    throw new SlipwayError('IO_FAILED', `cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** The sums that stand there, of files that do. */
async function readChecksums(directory: string): Promise<Map<string, string>> {
  const names = new Set(await readdir(directory));
  const path = join(directory, FILE_NAME);
  const sums = new Map<string, string>();
  if (!names.has(FILE_NAME) || (await stat(path)).size > MOST_BYTES) return sums;
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    const { sum, name } = LINE.exec(line)?.groups ?? {};
    if (sum !== undefined && name !== undefined && names.has(name)) sums.set(name, sum);
  }
  return sums;
}

type NamedSum = readonly [name: string, sum: string];

function byName([one]: NamedSum, [other]: NamedSum): number {
  return one < other ? -1 : 1;
}

/**
 * The SHA-256 of a file, lower-case hex.
 *
 * @throws SlipwayError IO_FAILED when it gets shorter meanwhile
 */
export async function sha256OfFile(path: string, options: OperationOptions): Promise<string> {
  const { progress, signal } = operation(options);
  await using file = await open(path);
  const { size } = await file.stat();
  const task = startTask(progress, `checksum ${basename(path)}`, 'bytes', size);
  const hash = createHash('sha256');
  // One buffer for all of it: new memory for every piece of a disk of gigabytes costs more than reading its holes.
  const buffer = Buffer.allocUnsafeSlow(256 * 1024);
  for (let at = 0; at < size; ) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw new SlipwayError('IO_FAILED', `cannot read ${path}: it was cut short`);
    hash.update(buffer.subarray(0, bytesRead));
    task.advance(bytesRead);
    at += bytesRead;
  }
  task.end();
  return hash.digest('hex');
}
