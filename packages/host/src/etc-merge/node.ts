/** A file tree as the merge of `/etc` compares it: everything but times. */

/** What decides whether an inode was changed. Times are carried along and never compared. */
export interface EtcMetadata {
  /** Permission bits with set-id and sticky (0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

export interface EtcDirectory {
  readonly kind: 'directory';
  readonly meta: EtcMetadata;
  /** Names are bytes as latin1 strings. */
  readonly entries: ReadonlyMap<string, EtcNode>;
}

export interface EtcFile {
  readonly kind: 'regular';
  readonly meta: EtcMetadata;
  /** Equal for equal bytes, and only for them. */
  readonly content: string;
}

export interface EtcSymlink {
  readonly kind: 'symlink';
  readonly meta: EtcMetadata;
  readonly target: string;
}

export interface EtcDevice {
  readonly kind: 'character-device' | 'block-device';
  readonly meta: EtcMetadata;
  readonly major: number;
  readonly minor: number;
}

export interface EtcSpecial {
  readonly kind: 'fifo' | 'socket';
  readonly meta: EtcMetadata;
}

export type EtcLeaf = EtcFile | EtcSymlink | EtcDevice | EtcSpecial;
export type EtcNode = EtcDirectory | EtcLeaf;

/** Attributes the system itself puts on files: they say nothing about who changed what. */
const IGNORED_XATTRS: ReadonlySet<string> = new Set(['security.selinux', 'security.ima', 'security.evm']);

/** Whether two inodes are the same, children of directories left aside. */
export function sameInode(a: EtcNode, b: EtcNode): boolean {
  return a.kind === b.kind && bodyOf(a) === bodyOf(b) && sameMetadata(a, b);
}

/** Whether two trees are the same, or both absent. */
export function sameTree(a: EtcNode | undefined, b: EtcNode | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (!sameInode(a, b)) return false;
  if (a.kind !== 'directory' || b.kind !== 'directory') return true;
  if (a.entries.size !== b.entries.size) return false;
  return [...a.entries].every(([name, child]) => sameTree(child, b.entries.get(name)));
}

/** What tells two inodes of one kind apart besides their metadata. */
function bodyOf(node: EtcNode): string {
  if (node.kind === 'regular') return node.content;
  if (node.kind === 'symlink') return node.target;
  return 'major' in node ? `${node.major}:${node.minor}` : '';
}

function sameMetadata(a: EtcNode, b: EtcNode): boolean {
  // Nobody can set the permissions of a symlink.
  const sameMode = a.kind === 'symlink' || a.meta.mode === b.meta.mode;
  return (
    sameMode &&
    a.meta.uid === b.meta.uid &&
    a.meta.gid === b.meta.gid &&
    sameXattrs(a.meta.xattrs, b.meta.xattrs)
  );
}

type Xattrs = EtcMetadata['xattrs'];

/** Whether two inodes carry the same attributes, those of the system left aside. */
export function sameXattrs(a: Xattrs, b: Xattrs): boolean {
  return containsXattrs(a, b) && containsXattrs(b, a);
}

function containsXattrs(all: Xattrs, some: Xattrs): boolean {
  return [...some].every(([name, value]) => {
    if (IGNORED_XATTRS.has(name)) return true;
    const other = all.get(name);
    return other !== undefined && Buffer.compare(other, value) === 0;
  });
}
