import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Operation, ProgressTask } from '@slipway/core';
import { type DiskDirectory, type DiskNode, setXfsMetadata } from '@slipway/disk';
import { type MadeVolume, type Making, runMaker } from './maker.ts';
import { prototypeFile } from './prototype-file.ts';
import { stageFile } from './staged-file.ts';

const CONTENTS = 'contents';
const PROTOTYPE = 'prototype';

/**
 * Makes XFS in a file, as a prototype file says: it names owners and modes, and where the content is to be taken from.
 *
 * What it cannot say is set in the file system afterwards.
 *
 * @throws SlipwayError TOOL_MISSING, TOOL_FAILED, DISK_INVALID, OBJECT_CORRUPT
 */
export async function makeXfs(
  { tree, uuid, label }: MadeVolume,
  { path, directory, task, operation }: Making,
): Promise<void> {
  mkdirSync(join(directory, CONTENTS), { mode: 0o700 });
  const staged = new Map<DiskNode, string>();
  await stage(tree, directory, staged, task, operation);
  const prototype = prototypeFile(tree, (file) => staged.get(file) ?? '');
  writeFileSync(join(directory, PROTOTYPE), prototype);
  const named = ['-m', `uuid=${uuid}`, '-L', label];
  await runMaker('xfs', ['mkfs.xfs', '-q', '-f', ...named, '-p', PROTOTYPE, path], {
    describe: 'make a root of xfs',
    cwd: directory,
    ...operation,
  });
  setXfsMetadata(path, tree);
}

/** Under numbers, and from the directory on: a prototype file holds no path with a space in it. */
async function stage(
  directory: DiskDirectory,
  within: string,
  staged: Map<DiskNode, string>,
  task: ProgressTask,
  operation: Operation,
): Promise<void> {
  for (const node of directory.entries.values()) {
    operation.signal.throwIfAborted();
    if (node.kind === 'directory') await stage(node, within, staged, task, operation);
    if (node.kind !== 'file') continue;
    const path = join(CONTENTS, String(staged.size));
    await stageFile(node, Buffer.from(join(within, path)));
    staged.set(node, path);
    task.advance(node.sizeBytes);
  }
}
