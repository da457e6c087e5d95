import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Operation, ProgressTask } from '@slipway/core';
import { type DiskDirectory, setBtrfsMetadata } from '@slipway/disk';
import { setXattr } from '@slipway/linux';
import { type MadeVolume, type Making, runMaker } from './maker.ts';
import { stageFile } from './staged-file.ts';

const SLASH = Buffer.from('/');

/**
 * Makes btrfs in a file from a copy of the tree. Everything of the copy belongs to whoever makes it; owners, modes and times are set in
 * the file system afterwards, which takes no root.
 *
 * @throws SlipwayError TOOL_MISSING, TOOL_FAILED, DISK_INVALID, OBJECT_CORRUPT
 */
export async function makeBtrfs(
  { tree, uuid, label }: MadeVolume,
  { path, directory, task, operation }: Making,
): Promise<void> {
  const staged = join(directory, 'tree');
  mkdirSync(staged, { mode: 0o700 });
  await stage(tree, Buffer.from(staged), task, operation);
  const named = ['-U', uuid, '-L', label];
  const argv = ['mkfs.btrfs', '--quiet', '--force', ...named, '--rootdir', staged, path] as const;
  await runMaker('btrfs', argv, { describe: 'make a root of btrfs', ...operation });
  setBtrfsMetadata(path, tree);
}

async function stage(
  directory: DiskDirectory,
  path: Buffer,
  task: ProgressTask,
  operation: Operation,
): Promise<void> {
  setAttributes(path, directory.meta.xattrs);
  for (const [name, node] of directory.entries) {
    operation.signal.throwIfAborted();
    const at = Buffer.concat([path, SLASH, Buffer.from(name, 'latin1')]);
    if (node.kind === 'directory') {
      mkdirSync(at, { mode: 0o700 });
      await stage(node, at, task, operation);
      continue;
    }
    if (node.kind === 'symlink') symlinkSync(Buffer.from(node.target, 'latin1'), at);
    if (node.kind === 'file') {
      await stageFile(node, at);
      task.advance(node.sizeBytes);
    }
    setAttributes(at, node.meta.xattrs);
  }
}

function setAttributes(path: Buffer, attributes: ReadonlyMap<string, Uint8Array> = new Map()): void {
  for (const [name, value] of attributes) setXattr(path, name, value);
}
