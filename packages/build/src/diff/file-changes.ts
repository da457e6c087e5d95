import type { ByteString, DirectoryNode, Metadata, TreeNode } from '@slipway/composefs';
import { contentBytes, contentKey } from '../flat-image/body-spool.ts';

/** What became of a name. `times`: only its modification time is another. */
export type FileChangeKind = 'added' | 'removed' | 'changed' | 'times';

/** A name that is not the same in both images. */
export interface FileChange {
  readonly kind: FileChangeKind;
  /** Absolute; bytes as latin1. */
  readonly path: ByteString;
  /** Length of the file it is now, of a removed one that it was; 0 for everything but files. */
  readonly sizeBytes: number;
}

/** One name in both trees; the root has the empty path. */
interface Pair {
  readonly path: ByteString;
  readonly from: TreeNode | undefined;
  readonly to: TreeNode | undefined;
}

/** Compares two trees, name by name, in the order of a walk; directories count as names. */
export function* fileChanges(
  fromTree: DirectoryNode,
  toTree: DirectoryNode,
): Generator<FileChange, void, undefined> {
  // A stack instead of recursion: depth is the image's choice.
  const pending: Pair[] = [{ path: '', from: fromTree, to: toTree }];
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    const kind = changeOf(pair);
    const shown = pair.to ?? pair.from;
    if (kind !== undefined && shown !== undefined) {
      yield { kind, path: pair.path === '' ? '/' : pair.path, sizeBytes: sizeOf(shown) };
    }
    pending.push(...childPairs(pair));
  }
}

/** Last first, as a stack takes them. */
function childPairs({ path, from, to }: Pair): readonly Pair[] {
  const before = from?.kind === 'directory' ? from.entries : undefined;
  const after = to?.kind === 'directory' ? to.entries : undefined;
  const names = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])]);
  return [...names]
    .sort((a, b) => (a < b ? 1 : -1))
    .map((name) => ({ path: `${path}/${name}`, from: before?.get(name), to: after?.get(name) }));
}

function changeOf({ from, to }: Pair): FileChangeKind | undefined {
  if (from === undefined) return 'added';
  if (to === undefined) return 'removed';
  if (from === to) return undefined;
  if (!sameThing(from, to) || !sameAttributes(from.meta, to.meta)) return 'changed';
  const sameTime = from.meta.mtimeSec === to.meta.mtimeSec && from.meta.mtimeNsec === to.meta.mtimeNsec;
  return sameTime ? undefined : 'times';
}

function sameThing(from: TreeNode, to: TreeNode): boolean {
  if (from.kind === 'regular')
    return to.kind === 'regular' && contentKey(from.content) === contentKey(to.content);
  if (from.kind === 'symlink') return to.kind === 'symlink' && from.target === to.target;
  if (from.kind === 'character-device' || from.kind === 'block-device')
    return to.kind === from.kind && from.major === to.major && from.minor === to.minor;
  return from.kind === to.kind;
}

function sameAttributes(from: Metadata, to: Metadata): boolean {
  return (
    from.mode === to.mode &&
    from.uid === to.uid &&
    from.gid === to.gid &&
    from.xattrs.size === to.xattrs.size &&
    [...from.xattrs].every(([key, value]) => {
      const other = to.xattrs.get(key);
      return other !== undefined && Buffer.compare(value, other) === 0;
    })
  );
}

function sizeOf(node: TreeNode): number {
  return node.kind === 'regular' ? contentBytes(node.content) : 0;
}
