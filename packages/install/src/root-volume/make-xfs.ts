import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Operation, ProgressTask } from '@slipway/core';
import { type DiskDirectory, type DiskNode, setXfsMetadata } from '@slipway/disk';
import { runMaker } from './maker.ts';
import { prototypeFile } from './prototype-file.ts';
import { stageFile } from './staged-file.ts';
import type { MadeVolume } from './write-volume.ts';

/**
 * Makes XFS in a file, as a prototype file says: it names owners and modes, and where the content is to be taken from.
 *
 * What it cannot say is set in the file system afterwards.
 *
 * @param path of a sparse file as large as the file system becomes
 * @throws SlipwayError TOOL_MISSING, TOOL_FAILED, DISK_INVALID, OBJECT_CORRUPT
 */
export async function makeXfs(
  { tree, uuid, label }: MadeVolume,
  path: string,
  directory: string,
  task: ProgressTask,
  operation: Operation,
): Promise<void> {
  const contents = join(directory, 'contents');
  mkdirSync(contents, { mode: 0o700 });
  const staged = new Map<DiskNode, string>();
  await stage(tree, contents, staged, task, operation);
  const prototype = join(directory, 'prototype');
  writeFileSync(
    prototype,
    prototypeFile(tree, (file) => staged.get(file) ?? ''),
  );
  const named = ['-m', `uuid=${uuid}`, '-L', label];
  await runMaker(
    'xfs',
    ['mkfs.xfs', '-q', '-f', ...named, '-p', prototype, path],
    'make a root of xfs',
    operation,
  );
  setXfsMetadata(path, tree);
}

/** Under numbers: a prototype file holds no path with a space in it, and nobody looks at these. */
async function stage(
  directory: DiskDirectory,
  contents: string,
  staged: Map<DiskNode, string>,
  task: ProgressTask,
  operation: Operation,
): Promise<void> {
  for (const node of directory.entries.values()) {
    operation.signal.throwIfAborted();
    if (node.kind === 'directory') await stage(node, contents, staged, task, operation);
    if (node.kind !== 'file') continue;
    const path = join(contents, String(staged.size));
    await stageFile(node, Buffer.from(path));
    staged.set(node, path);
    task.advance(node.sizeBytes);
  }
}
