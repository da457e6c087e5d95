/**
 * Three-way merge of `/etc`, as data. Base is what the booted image shipped, ours what the machine made of it, theirs what the
 * new image ships; the result says inode by inode how to build the new `/etc` from nothing.
 *
 * What the machine changed wins, file by file: edits, additions, deletions, permissions. What it left alone follows the new
 * image. A directory is never just "changed": its children are merged, and its own metadata like a file.
 */
import {
  type EtcDirectory,
  type EtcLeaf,
  type EtcMetadata,
  type EtcNode,
  sameInode,
  sameTree,
} from './node.ts';

/** Whose version of an inode is taken. */
export type EtcSide = 'ours' | 'theirs';

/** One step of building the new `/etc`; a directory comes before what is in it. */
export type EtcAction =
  | { readonly kind: 'directory'; readonly path: string; readonly meta: EtcMetadata }
  | {
      readonly kind: 'leaf';
      readonly path: string;
      readonly from: EtcSide;
      readonly node: EtcLeaf;
      /** Content of a regular file that is on neither side, bytes as a latin1 string. */
      readonly text?: string;
    };

/** A change of the image that did not reach this machine because the machine had changed the same thing. */
export interface EtcConflict {
  /** From `/etc`, without it: bytes as a latin1 string. In reports `/etc/…` in UTF-8. */
  readonly path: string;
  /**
   * - `both-changed`: both sides edited it, or both added it differently; ours is kept
   * - `deleted-here`: deleted here, changed by the image; stays deleted
   * - `removed-by-image`: changed here, removed by the image; ours is kept
   * - `type-changed`: a directory on one side and not on the other; the local one is kept whole
   * - `id-taken`: an account of the image whose number belongs to another account here; not added
   */
  readonly kind: 'both-changed' | 'deleted-here' | 'removed-by-image' | 'type-changed' | 'id-taken';
  /** In an account file, whose line; the rest of the file is merged. */
  readonly account?: string;
}

/** How to build the new `/etc`, and what to tell about it. */
export interface EtcMergePlan {
  readonly actions: readonly EtcAction[];
  readonly conflicts: readonly EtcConflict[];
}

/** Decides a conflict; the default keeps what the machine has. */
export type EtcConflictPolicy = (conflict: EtcConflict) => EtcSide;

const keepOurs: EtcConflictPolicy = () => 'ours';

/** Merges three trees. Never loses a local change unless the policy says so. */
export function planEtcMerge(
  base: EtcDirectory,
  ours: EtcDirectory,
  theirs: EtcDirectory,
  policy: EtcConflictPolicy = keepOurs,
): EtcMergePlan {
  const actions: EtcAction[] = [];
  const conflicts: EtcConflict[] = [];
  const merger = new Merger(policy, conflicts);
  const root = merger.mergeDirectories('', base, ours, theirs);
  emit('', root ?? { side: 'ours', node: ours, children: new Map() }, actions);
  return { actions, conflicts };
}

/** One inode of the result; for a directory its metadata's side and its children. */
interface Merged {
  readonly side: EtcSide;
  readonly node: EtcNode;
  readonly children: ReadonlyMap<string, Merged>;
}

const NO_CHILDREN: ReadonlyMap<string, Merged> = new Map();

class Merger {
  readonly #policy: EtcConflictPolicy;
  readonly #conflicts: EtcConflict[];

  constructor(policy: EtcConflictPolicy, conflicts: EtcConflict[]) {
    this.#policy = policy;
    this.#conflicts = conflicts;
  }

  /** The result at one path; undefined where nothing stays. */
  merge(
    path: string,
    base: EtcNode | undefined,
    ours: EtcNode | undefined,
    theirs: EtcNode | undefined,
  ): Merged | undefined {
    if (ours?.kind === 'directory' && (theirs === undefined || theirs.kind === 'directory')) {
      return this.mergeDirectories(path, base, ours, theirs);
    }
    if (sameTree(ours, base)) return whole('theirs', theirs);
    if (sameTree(theirs, base) || sameTree(ours, theirs)) return whole('ours', ours);
    return this.#decide({ path, kind: conflictKind(ours, theirs) }, ours, theirs);
  }

  /** Children merged, metadata like a file; gone when the image removed it and nothing local is left in it. */
  mergeDirectories(
    path: string,
    base: EtcNode | undefined,
    ours: EtcDirectory,
    theirs: EtcDirectory | undefined,
  ): Merged | undefined {
    const children = this.#mergeChildren(path, base, ours, theirs);
    const metadataOfBase = base?.kind === 'directory' ? base : undefined;
    if (theirs !== undefined) {
      return { ...this.#mergeMetadata(path, metadataOfBase, ours, theirs), children };
    }
    const untouched = metadataOfBase !== undefined && sameInode(ours, metadataOfBase);
    if (children.size === 0 && untouched) return undefined;
    return { side: 'ours', node: ours, children };
  }

  #mergeChildren(
    path: string,
    base: EtcNode | undefined,
    ours: EtcDirectory,
    theirs: EtcDirectory | undefined,
  ): ReadonlyMap<string, Merged> {
    const children = new Map<string, Merged>();
    const names = new Set([...ours.entries.keys(), ...(theirs?.entries.keys() ?? [])]);
    for (const name of [...names].sort()) {
      const baseChild = base?.kind === 'directory' ? base.entries.get(name) : undefined;
      const childPath = path === '' ? name : `${path}/${name}`;
      const child = this.merge(childPath, baseChild, ours.entries.get(name), theirs?.entries.get(name));
      if (child !== undefined) children.set(name, child);
    }
    return children;
  }

  #mergeMetadata(
    path: string,
    base: EtcDirectory | undefined,
    ours: EtcDirectory,
    theirs: EtcDirectory,
  ): { readonly side: EtcSide; readonly node: EtcDirectory } {
    if (sameInode(ours, theirs)) return { side: 'ours', node: ours };
    if (base !== undefined && sameInode(ours, base)) return { side: 'theirs', node: theirs };
    if (base !== undefined && sameInode(theirs, base)) return { side: 'ours', node: ours };
    const side = this.#report({ path, kind: 'both-changed' });
    return { side, node: side === 'ours' ? ours : theirs };
  }

  #decide(conflict: EtcConflict, ours: EtcNode | undefined, theirs: EtcNode | undefined): Merged | undefined {
    const side = this.#report(conflict);
    return whole(side, side === 'ours' ? ours : theirs);
  }

  #report(conflict: EtcConflict): EtcSide {
    this.#conflicts.push(conflict);
    return this.#policy(conflict);
  }
}

function conflictKind(ours: EtcNode | undefined, theirs: EtcNode | undefined): EtcConflict['kind'] {
  if (ours === undefined) return 'deleted-here';
  if (theirs === undefined) return 'removed-by-image';
  const oneDirectory = (ours.kind === 'directory') !== (theirs.kind === 'directory');
  return oneDirectory ? 'type-changed' : 'both-changed';
}

/** A tree taken as it stands on one side. */
function whole(side: EtcSide, node: EtcNode | undefined): Merged | undefined {
  if (node === undefined) return undefined;
  if (node.kind !== 'directory') return { side, node, children: NO_CHILDREN };
  const children = new Map<string, Merged>();
  for (const [name, child] of node.entries) {
    const merged = whole(side, child);
    if (merged !== undefined) children.set(name, merged);
  }
  return { side, node, children };
}

function emit(path: string, { side, node, children }: Merged, actions: EtcAction[]): void {
  if (node.kind !== 'directory') {
    actions.push({ kind: 'leaf', path, from: side, node });
    return;
  }
  actions.push({ kind: 'directory', path, meta: node.meta });
  for (const name of [...children.keys()].sort()) {
    const child = children.get(name);
    if (child !== undefined) emit(path === '' ? name : `${path}/${name}`, child, actions);
  }
}
