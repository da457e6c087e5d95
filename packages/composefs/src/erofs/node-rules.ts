import type { DeviceNode, DirectoryNode, LeafNode, Metadata, RegularNode, SymlinkNode } from '../tree.ts';
import { algorithmOfDigest } from '../verity/algorithm.ts';
import { refused } from './attribute-rules.ts';
import { isCString } from './byte-string.ts';
import { MAJOR_MAX, MINOR_MAX } from './device-number.ts';
import { CHUNK_BITS_MAX, CHUNKS_MAX, LIMITS } from './format.ts';

/** Files end where the reference writer refuses more chunks: 2^53 bytes. */
const FILE_BYTES_MAX = CHUNKS_MAX * 2 ** CHUNK_BITS_MAX;
const ID_MAX = 0xffffffff;

/** Says where the node being looked at is. */
type Say = () => string;

/** The problem of the node being looked at. */
export function refusedIn(say: Say, why: string): Error {
  return refused(say(), why);
}

/** @throws SlipwayError TREE_INVALID for metadata or names no image can hold */
export function checkDirectory(node: DirectoryNode, path: Say): void {
  for (const name of node.entries.keys()) {
    if (!isName(name))
      throw refused(path(), `it holds a name no directory can hold: ${JSON.stringify(name)}`);
  }
  checkMetadata(node.meta, path);
}

/** @throws SlipwayError TREE_INVALID */
export function checkLeaf(node: LeafNode, path: Say): void {
  checkMetadata(node.meta, path);
  if (node.kind === 'regular') checkRegular(node, path);
  else if (node.kind === 'symlink') checkSymlink(node, path);
  else if ('major' in node) checkDevice(node, path);
}

function checkRegular({ content }: RegularNode, path: Say): void {
  if (content.kind === 'object') {
    const { sizeBytes, digest } = content;
    if (!isWithin(sizeBytes, FILE_BYTES_MAX)) throw refused(path(), `its size is ${sizeBytes}`);
    if (sizeBytes === 0 || digest === undefined || algorithmOfDigest(digest) !== undefined) return;
    throw refused(path(), `a digest of ${digest.length} bytes is not known`);
  }
  const { bytes } = content;
  if (bytes.length <= LIMITS.inlineContentBytes) return;
  throw refused(
    path(),
    `it holds ${bytes.length} bytes and ${LIMITS.inlineContentBytes} are the most inline`,
  );
}

function checkSymlink({ target }: SymlinkNode, path: Say): void {
  if (target !== '' && target.length <= LIMITS.symlinkTargetBytes && isCString(target)) return;
  throw refused(path(), `its target has ${target.length} bytes, or bytes no target may have`);
}

function checkDevice({ major, minor }: DeviceNode, path: Say): void {
  if (isWithin(major, MAJOR_MAX) && isWithin(minor, MINOR_MAX)) return;
  throw refused(path(), `its device number is ${major}:${minor}`);
}

function checkMetadata(meta: Metadata, path: Say): void {
  if (!isWithin(meta.mode, 0o7777)) throw refused(path(), `its mode is ${meta.mode.toString(8)}`);
  if (!isWithin(meta.uid, ID_MAX)) throw refused(path(), `its owner is ${meta.uid}`);
  if (!isWithin(meta.gid, ID_MAX)) throw refused(path(), `its group is ${meta.gid}`);
  if (!Number.isSafeInteger(meta.mtimeSec) || !isWithin(meta.mtimeNsec, 999_999_999)) {
    throw refused(path(), `its time is ${meta.mtimeSec} s ${meta.mtimeNsec} ns`);
  }
  for (const key of meta.xattrs.keys()) {
    if (key === '' || key.length > LIMITS.xattrNameBytes || !isCString(key))
      throw refused(path(), 'it has an extended attribute without a valid name');
  }
}

function isName(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    name.length <= LIMITS.nameBytes &&
    !name.includes('/') &&
    isCString(name)
  );
}

function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
