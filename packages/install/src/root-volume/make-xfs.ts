import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Operation, ProgressTask } from '@slipway/core';
import type { DiskDirectory, DiskNode } from '@slipway/disk';
import { runMaker } from './maker.ts';
import { prototypeFile } from './prototype-file.ts';
import { stageFile } from './staged-file.ts';
import type { MadeVolume } from './write-volume.ts';

const STICKY_BIT = 0o1000;
const DIRECTORY_BITS = 0o040000;
const PERMISSION_BITS = 0o7777;
/** What `xfs_db` is told at a time: an argument for each. */
const COMMANDS_AT_ONCE = 500;

/**
 * Makes XFS in a file, as a prototype file says: it names owners and modes, and where the content is to be taken from.
 *
 * Times are those of the making; the sticky bit, which a prototype file cannot say, is set by `xfs_db` afterwards.
 *
 * @param path of a sparse file as large as the file system becomes
 * @throws SlipwayError TOOL_MISSING, TOOL_FAILED, OBJECT_CORRUPT
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
  const commands = [...stickyCommands(tree, '')];
  while (commands.length > 0) {
    const some = commands.splice(0, COMMANDS_AT_ONCE).flatMap((command) => ['-c', command]);
    await runMaker('xfs', ['xfs_db', '-x', ...some, path], 'set modes in a root of xfs', operation);
  }
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

function* stickyCommands(directory: DiskDirectory, path: string): Generator<string> {
  for (const [name, node] of directory.entries) {
    const at = `${path}/${Buffer.from(name, 'latin1').toString()}`;
    if (node.kind !== 'directory') continue;
    if ((node.meta.mode & STICKY_BIT) !== 0) {
      yield `path ${at}`;
      yield `write core.mode 0${(DIRECTORY_BITS | (node.meta.mode & PERMISSION_BITS)).toString(8)}`;
    }
    yield* stickyCommands(node, at);
  }
}
