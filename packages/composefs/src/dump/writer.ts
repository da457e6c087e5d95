import { bufferOf, latin1Of } from '../erofs/byte-string.ts';
import { encodeDevice } from '../erofs/device-number.ts';
import { type LeafFacts, NO_FACTS, type TreeFacts } from '../erofs/facts.ts';
import { MODE_TYPE } from '../erofs/format.ts';
import { objectPathOf } from '../erofs/object-path.ts';
import type { ByteString, DirectoryNode, LeafNode, Metadata, TreeNode } from '../tree.ts';
import { ABSENT, escapeAttribute, escapeBytes, escapeOptional } from './escape.ts';

/** Lines are handed on in pieces of about this size. */
const PIECE_BYTES = 256 * 1024;

/** A dump that shows less than the tree, or more. */
export interface DumpView {
  /** Only these names of the root and what is below them. */
  readonly names?: ReadonlySet<ByteString> | undefined;
  /** Size and attributes of directories that differ from the tree. */
  readonly directories?: ReadonlyMap<DirectoryNode, ShownDirectory>;
}

/** What the line of a directory says. */
export interface ShownDirectory {
  readonly sizeBytes: number;
  readonly meta: Metadata;
}

/**
 * Writes a tree as composefs-dump(5): depth first, names and attributes in byte order, so that equal trees
 * give equal dumps. Directories have size 0 here; `dumpImage` says what they take in an image.
 *
 * @param facts from a dump or an image read before, to say again what the tree cannot
 * @param view what to show; with names, no fact may name an owner that is not shown
 */
export function* writeDump(
  root: DirectoryNode,
  facts: TreeFacts = NO_FACTS,
  view: DumpView = {},
): Generator<Buffer> {
  let piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let usedBytes = 0;
  // Line by line: strings put together to a piece would live long enough to be moved about by the garbage collector.
  for (const line of dumpLines(root, facts, view)) {
    if (usedBytes + line.length > piece.length) {
      yield piece.subarray(0, usedBytes);
      piece = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, line.length));
      usedBytes = 0;
    }
    usedBytes += piece.write(line, usedBytes, 'latin1');
  }
  yield piece.subarray(0, usedBytes);
}

/** A directory on the way down. */
interface Frame {
  readonly node: DirectoryNode;
  /** With its escapes and a slash at the end. */
  readonly path: string;
  readonly names: readonly string[];
  next: number;
}

function* dumpLines(root: DirectoryNode, facts: TreeFacts, view: DumpView): Generator<string> {
  const counts = nameCounts(root);
  /** Of files with several names: the one that is described, others refer to it. */
  const paths = ownerPaths(root, facts);
  yield directoryLine('/', root, view);
  for (const { path, name, node, directory } of walk(root, view.names)) {
    if (node.kind === 'directory') {
      yield directoryLine(path, node, view);
      continue;
    }
    const count = counts.get(node) ?? 1;
    const fact = facts.size === 0 ? undefined : facts.get(node);
    const isOwner = fact?.owner === undefined ? !paths.has(node) : isPlace(fact.owner, directory, name);
    if (isOwner && count > 1) paths.set(node, path);
    yield leafLine(path, node, fact?.nlink ?? count, fact?.sizeBytes, isOwner ? undefined : paths.get(node));
  }
}

/** How many names each leaf has that has more than one. */
function nameCounts(root: DirectoryNode): ReadonlyMap<LeafNode, number> {
  const counts = new Map<LeafNode, number>();
  const seen = new Set<LeafNode>();
  const pending: DirectoryNode[] = [root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const node of directory.entries.values()) {
      if (node.kind === 'directory') pending.push(node);
      else if (seen.has(node)) counts.set(node, (counts.get(node) ?? 1) + 1);
      else seen.add(node);
    }
  }
  return counts;
}

/** Paths of the owners that facts name: they may come after the links to them. */
function ownerPaths(root: DirectoryNode, facts: TreeFacts): Map<LeafNode, string> {
  const paths = new Map<LeafNode, string>();
  if ([...facts.values()].every(({ owner }) => owner === undefined)) return paths;
  for (const { path, name, node, directory } of walk(root)) {
    const owner = node.kind === 'directory' ? undefined : facts.get(node)?.owner;
    if (node.kind !== 'directory' && owner !== undefined && isPlace(owner, directory, name)) {
      paths.set(node, path);
    }
  }
  return paths;
}

function isPlace(owner: NonNullable<LeafFacts['owner']>, directory: DirectoryNode, name: string): boolean {
  return owner.directory === directory && owner.name === name;
}

interface Step {
  readonly path: string;
  readonly name: string;
  readonly node: TreeNode;
  readonly directory: DirectoryNode;
}

/** Every entry below the root, or below these names of it, depth first in byte order, with a stack of its own. */
function* walk(root: DirectoryNode, only?: ReadonlySet<string>): Generator<Step> {
  const tops = [...root.entries.keys()].filter((name) => only?.has(name) !== false);
  const stack: Frame[] = [{ node: root, path: '/', names: tops.sort(), next: 0 }];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const name = frame.names[frame.next];
    const node = name === undefined ? undefined : frame.node.entries.get(name);
    if (name === undefined || node === undefined) {
      stack.pop();
      continue;
    }
    frame.next += 1;
    const path = frame.path + escapeBytes(name);
    yield { path, name, node, directory: frame.node };
    if (node.kind === 'directory') {
      stack.push({ node, path: `${path}/`, names: [...node.entries.keys()].sort(), next: 0 });
    }
  }
}

function directoryLine(path: string, node: DirectoryNode, view: DumpView): string {
  let nlink = 2;
  for (const child of node.entries.values()) if (child.kind === 'directory') nlink += 1;
  const { sizeBytes, meta } = view.directories?.get(node) ?? { sizeBytes: 0, meta: node.meta };
  return line(path, sizeBytes, (MODE_TYPE.directory | meta.mode).toString(8), nlink, meta, 0, '- - -');
}

/** @param target path of the name that is described, for one that is not */
function leafLine(
  path: string,
  node: LeafNode,
  nlink: number,
  sizeBytes: number | undefined,
  target: string | undefined,
): string {
  const mode = (LEAF_MODES[node.kind] | node.meta.mode).toString(8);
  const device = 'major' in node ? encodeDevice(node) : 0;
  const body = bodyFields(node);
  const size = sizeBytes ?? sizeOf(node);
  if (target === undefined) return line(path, size, mode, nlink, node.meta, device, body);
  const [, content, digest] = body.split(' ');
  return line(path, size, `@${mode}`, nlink, node.meta, device, `${target} ${content} ${digest}`);
}

const LEAF_MODES = {
  regular: MODE_TYPE.regular,
  symlink: MODE_TYPE.symlink,
  'character-device': MODE_TYPE.characterDevice,
  'block-device': MODE_TYPE.blockDevice,
  fifo: MODE_TYPE.fifo,
  socket: MODE_TYPE.socket,
} as const;

function sizeOf(node: LeafNode): number {
  if (node.kind === 'symlink') return node.target.length;
  if (node.kind !== 'regular') return 0;
  return node.content.kind === 'inline' ? node.content.bytes.length : node.content.sizeBytes;
}

/** PAYLOAD, CONTENT and DIGEST. */
function bodyFields(node: LeafNode): string {
  if (node.kind === 'symlink') return `${escapeOptional(node.target)} - -`;
  if (node.kind !== 'regular') return '- - -';
  const { content } = node;
  if (content.kind === 'inline') return `- ${escapeOptional(latin1Of(content.bytes))} -`;
  if (content.digest === undefined) return `${escapeOptional(objectPathOf(content))} - ${ABSENT}`;
  const digest = bufferOf(content.digest).toString('hex');
  const { payload } = content;
  const path = payload === undefined ? `${digest.slice(0, 2)}/${digest.slice(2)}` : escapeOptional(payload);
  return `${path} - ${digest}`;
}

function line(
  path: string,
  sizeBytes: number,
  mode: string,
  nlink: number,
  meta: Metadata,
  device: number,
  body: string,
): string {
  const { uid, gid, mtimeSec, mtimeNsec, xattrs } = meta;
  let text = `${path} ${sizeBytes} ${mode} ${nlink} ${uid} ${gid} ${device} ${mtimeSec}.${mtimeNsec} ${body}`;
  if (xattrs.size === 0) return `${text}\n`;
  for (const [key, value] of [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    text += ` ${escapeAttribute(key)}=${escapeAttribute(latin1Of(value))}`;
  }
  return `${text}\n`;
}
