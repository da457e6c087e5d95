import type { DeviceNode, FileContent, LeafNode, Metadata, SpecialNode } from '../tree.ts';
import { kernelAlgorithmNumber, type VerityAlgorithm } from '../verity/algorithm.ts';
import { bufferOf, isCString, latin1Of } from './byte-string.ts';
import { decodeDevice } from './device-number.ts';
import {
  CHUNK_BITS_MIN,
  CHUNK_FORMAT_BITS_MASK,
  CHUNK_HOLE,
  CHUNKS_MAX,
  DATA_LAYOUT,
  FILE_TYPE,
  type FileType,
  LIMITS,
  OVERLAY,
} from './format.ts';
import { type ImageView, malformed } from './image-view.ts';
import { type StoredInode, storedData } from './inode-reader.ts';
import { chunkBitsOf } from './layout.ts';
import { isObjectPath } from './object-path.ts';

/** Attributes the writer adds to what the tree has: where they have a meaning, they are taken away again. */
export type AddedAttributes = ReadonlySet<string>;

/** On a regular file that stands for a whiteout. */
export const ADDED_TO_WHITEOUT: AddedAttributes = new Set([OVERLAY.escapedWhiteout, OVERLAY.userWhiteout]);
/** On a directory that holds whiteouts, format 0. */
export const ADDED_TO_WHITEOUT_PARENT_V0: AddedAttributes = new Set([
  OVERLAY.escapedWhiteouts,
  OVERLAY.userWhiteouts,
]);
/** The same, format 1. */
export const ADDED_TO_WHITEOUT_PARENT_V1: AddedAttributes = new Set([
  ...ADDED_TO_WHITEOUT_PARENT_V0,
  OVERLAY.escapedOpaque,
  OVERLAY.userOpaque,
]);
const ADDED_TO_OBJECT: AddedAttributes = new Set([OVERLAY.metacopy, OVERLAY.redirect]);
const NONE_ADDED: AddedAttributes = new Set();
const NO_ATTRIBUTES: ReadonlyMap<string, Uint8Array> = new Map();

/** What the inode had before it was written: overlay escapes undone, `added` left out. */
export function metadataOf(inode: StoredInode, added: AddedAttributes = NONE_ADDED): Metadata {
  const { mode, uid, gid, mtimeSec, mtimeNsec, attributes } = inode;
  if (attributes.size === 0) return { mode, uid, gid, mtimeSec, mtimeNsec, xattrs: NO_ATTRIBUTES };
  const xattrs = new Map<string, Uint8Array>();
  for (const [key, value] of attributes) {
    if (added.has(key)) continue;
    if (!key.startsWith(OVERLAY.prefix)) xattrs.set(key, value);
    else if (key.startsWith(OVERLAY.escapedPrefix)) {
      xattrs.set(OVERLAY.prefix + key.slice(OVERLAY.escapedPrefix.length), value);
    } else {
      throw malformed(inode.offset, `${key} stands where it has no meaning`);
    }
  }
  return { mode, uid, gid, mtimeSec, mtimeNsec, xattrs: xattrs.size === 0 ? NO_ATTRIBUTES : xattrs };
}

/** An empty regular file marked the way a whiteout is. Only the parent's marks make it one. */
export function looksLikeWhiteout({ fileType, sizeBytes, attributes }: StoredInode): boolean {
  return (
    fileType === FILE_TYPE.regular &&
    sizeBytes === 0 &&
    attributes.get(OVERLAY.escapedWhiteout)?.length === 0 &&
    attributes.get(OVERLAY.userWhiteout)?.length === 0
  );
}

/** The whiteout an inode stands for. */
export function whiteoutOf(inode: StoredInode): LeafNode {
  return { kind: 'character-device', meta: metadataOf(inode, ADDED_TO_WHITEOUT), major: 0, minor: 0 };
}

/** The node of an inode that is neither directory nor whiteout. */
export function leafOf(image: ImageView, inode: StoredInode): LeafNode {
  if (inode.fileType === FILE_TYPE.regular) return regularOf(image, inode);
  if (inode.fileType === FILE_TYPE.symlink) {
    return { kind: 'symlink', meta: metadataOf(inode), target: targetOf(image, inode) };
  }
  const kind = SPECIAL_KINDS.get(inode.fileType);
  if (kind === undefined) throw malformed(inode.offset, 'a directory stands where none can');
  if (inode.sizeBytes !== 0 || inode.layout !== DATA_LAYOUT.plain) {
    throw malformed(inode.offset, 'a special file has a size');
  }
  const meta = metadataOf(inode);
  if (kind === 'character-device' || kind === 'block-device')
    return { kind, meta, ...decodeDevice(inode.data) };
  if (inode.data !== 0) throw malformed(inode.offset, 'a fifo or socket has data');
  return { kind, meta };
}

const SPECIAL_KINDS: ReadonlyMap<FileType, (DeviceNode | SpecialNode)['kind']> = new Map([
  [FILE_TYPE.characterDevice, 'character-device'],
  [FILE_TYPE.blockDevice, 'block-device'],
  [FILE_TYPE.fifo, 'fifo'],
  [FILE_TYPE.socket, 'socket'],
]);

function regularOf(image: ImageView, inode: StoredInode): LeafNode {
  if (inode.layout === DATA_LAYOUT.chunks) {
    checkChunks(image, inode);
    return { kind: 'regular', meta: metadataOf(inode, ADDED_TO_OBJECT), content: objectOf(inode) };
  }
  if (inode.sizeBytes > LIMITS.inlineContentBytes)
    throw malformed(inode.offset, 'a file is too large to be inline');
  const pieces = storedData(image, inode);
  const bytes = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  if (inode.sizeBytes === 0) checkEmptyFile(inode);
  return { kind: 'regular', meta: metadataOf(inode), content: { kind: 'inline', bytes } };
}

function objectOf(inode: StoredInode): FileContent {
  const { attributes, sizeBytes, offset, object } = inode;
  if (object !== undefined) return { kind: 'object', sizeBytes, digest: object };
  const metacopy = attributes.get(OVERLAY.metacopy);
  if (metacopy === undefined) throw malformed(offset, 'a file of holes has no object');
  const digest = digestOfMetacopy(bufferOf(metacopy), offset);
  const redirect = attributes.get(OVERLAY.redirect);
  const path = redirect === undefined ? '/' : latin1Of(redirect);
  if (!path.startsWith('/') || path.length > LIMITS.payloadBytes + 1 || !isCString(path)) {
    throw malformed(offset, 'the path of an object is not valid');
  }
  if (redirect?.length === 1) throw malformed(offset, 'the path of an object is empty');
  const payload = path.slice(1);
  if (isObjectPath(payload, digest)) return { kind: 'object', sizeBytes, digest };
  return { kind: 'object', sizeBytes, digest, payload };
}

const ALGORITHMS: readonly VerityAlgorithm[] = ['sha256', 'sha512'];

function digestOfMetacopy(value: Buffer, offset: number): Buffer | undefined {
  if (value.length === 0) return undefined;
  for (const algorithm of ALGORITHMS) {
    const length = algorithm === 'sha256' ? 36 : 68;
    if (value.length !== length) continue;
    const header = Buffer.from([0, length, 0, kernelAlgorithmNumber(algorithm)]);
    if (value.subarray(0, 4).equals(header)) return value.subarray(4);
  }
  throw malformed(offset, 'the digest of an object is not valid');
}

/** Every chunk must be a hole: composefs images hold no bytes of large files. */
function checkChunks(image: ImageView, inode: StoredInode): void {
  const { sizeBytes, data, offset, tailOffset } = inode;
  const chunkBits = CHUNK_BITS_MIN + (data & CHUNK_FORMAT_BITS_MASK);
  const count = Math.ceil(sizeBytes / 2 ** chunkBits);
  if (sizeBytes === 0 || chunkBits !== chunkBitsOf(sizeBytes) || count > CHUNKS_MAX) {
    throw malformed(offset, 'a file has chunks of another size than composefs gives it');
  }
  if ((data & 0xffff & ~CHUNK_FORMAT_BITS_MASK) !== 0) throw malformed(offset, 'unknown chunk format');
  // A larger table may stand in a block whose number is not fully kept (composefs-format 7.2): nothing to check it by.
  if (count === 1 && (data >>> 16 !== 0 || image.u32(tailOffset) !== CHUNK_HOLE)) {
    throw malformed(offset, 'a chunk is not a hole');
  }
}

function targetOf(image: ImageView, inode: StoredInode): string {
  const { sizeBytes, offset } = inode;
  if (sizeBytes === 0 || sizeBytes > LIMITS.symlinkTargetBytes)
    throw malformed(offset, 'a symlink has no valid target');
  const target = latin1Of(Buffer.concat(storedData(image, inode)));
  if (!isCString(target)) throw malformed(offset, 'a symlink has a target with a NUL');
  return target;
}

function checkEmptyFile({ layout, data, offset }: StoredInode): void {
  if (layout !== DATA_LAYOUT.plain || data !== 0) throw malformed(offset, 'an empty file has data');
}
