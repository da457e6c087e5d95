/** Building the new `/etc` from a plan, beside the one in use. */
import { constants } from 'node:fs';
import { chmod, copyFile, lchown, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import type { DirectoryNode, FileContent, TreeNode } from '@slipway/composefs';
import { errnoOf, type Logger, SlipwayError } from '@slipway/core';
import { makeNode, setFileTimes, setXattr, syncFileSystemAt } from '@slipway/linux';
import { displayPath, livePath } from './live-path.ts';
import type { EtcLeaf, EtcMetadata } from './node.ts';
import type { EtcAction, EtcMergePlan } from './plan.ts';

/** Where the pieces of the new `/etc` come from. */
export interface EtcSources {
  /** The live `/etc`. */
  readonly ours: string;
  /** Root of the new image's tree. */
  readonly theirs: DirectoryNode;
  /** Path of an object in the store. */
  objectPath(digest: Uint8Array): string;
}

/**
 * Builds the tree of a plan in a new directory and syncs it. A cut leaves part of it, under a name nobody uses; whoever
 * builds it next removes it first.
 *
 * @param destination removed first when it is there
 */
export async function buildEtc(
  plan: EtcMergePlan,
  sources: EtcSources,
  destination: string,
  log: Logger,
): Promise<void> {
  await rm(destination, { recursive: true, force: true });
  const directories: (EtcAction & { kind: 'directory' })[] = [];
  for (const action of plan.actions) {
    if (action.kind === 'directory') {
      await mkdir(livePath(destination, action.path), { mode: 0o700 });
      directories.push(action);
    } else if (!(await makeLeaf(action, sources, destination))) {
      log.warn('a file of /etc vanished while it was copied', { path: displayPath(action.path) });
    }
  }
  // Children change the time of their directory, and a read-only one takes none: directories are finished last, inside out.
  for (const { path, meta } of directories.toReversed()) {
    await applyMetadata(livePath(destination, path), meta, 'directory');
  }
  await syncFileSystemAt(destination);
}

/** @returns false when the file to copy is gone */
async function makeLeaf(
  { path, from, node, text }: EtcAction & { kind: 'leaf' },
  sources: EtcSources,
  destination: string,
): Promise<boolean> {
  const target = livePath(destination, path);
  try {
    if (text !== undefined) await writeFile(target, Buffer.from(text, 'latin1'), { flag: 'wx', mode: 0o600 });
    else if (node.kind === 'regular') await copyContent(path, from, sources, target);
    else await makeSpecial(node, target);
  } catch (thrown) {
    if (from === 'ours' && errnoOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
  await applyMetadata(target, node.meta, node.kind);
  return true;
}

async function copyContent(
  path: string,
  from: 'ours' | 'theirs',
  sources: EtcSources,
  target: Buffer,
): Promise<void> {
  const flags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
  if (from === 'ours') {
    await copyFile(livePath(sources.ours, path), target, flags);
    return;
  }
  const content = imageContent(sources.theirs, path);
  if (content.kind === 'inline') await writeFile(target, content.bytes, { flag: 'wx' });
  else if (content.digest !== undefined) await copyFile(sources.objectPath(content.digest), target, flags);
  else throw new SlipwayError('EROFS_INVALID', `cannot copy /etc/${displayPath(path)}: it has no digest`);
}

function imageContent(root: DirectoryNode, path: string): FileContent {
  let node: TreeNode | undefined = root.entries.get('etc');
  for (const name of path.split('/')) node = node?.kind === 'directory' ? node.entries.get(name) : undefined;
  if (node?.kind === 'regular') return node.content;
  throw new SlipwayError('INTERNAL', `cannot copy /etc/${displayPath(path)}: the image has no such file`);
}

async function makeSpecial(node: Exclude<EtcLeaf, { kind: 'regular' }>, target: Buffer): Promise<void> {
  if (node.kind === 'symlink') await symlink(Buffer.from(node.target, 'latin1'), target);
  else makeNode(target, node, 0o600);
}

/** Owner first: it takes set-id bits and capabilities away. Times last: everything else changes them. */
async function applyMetadata(
  path: Buffer,
  meta: EtcMetadata,
  kind: EtcLeaf['kind'] | 'directory',
): Promise<void> {
  await lchown(path, meta.uid, meta.gid);
  if (kind !== 'symlink') await chmod(path, meta.mode);
  for (const [name, value] of meta.xattrs) setXattr(path, name, value);
  setFileTimes(path, { modified: { sec: meta.mtimeSec, nsec: meta.mtimeNsec } });
}
