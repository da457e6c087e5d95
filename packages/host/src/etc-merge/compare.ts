/** What differs between two trees of `/etc`, as data. */
import { displayPath } from './live-path.ts';
import { type EtcNode, sameInode, sameXattrs } from './node.ts';

/** What of an inode differs. */
export type EtcAspect = 'kind' | 'content' | 'target' | 'device' | 'mode' | 'owner' | 'attributes';

/** What an inode is, as far as a short answer goes. */
export interface EtcInode {
  readonly kind: EtcNode['kind'];
  /** Octal, four digits: `0644`. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Where a symlink points to. */
  readonly target?: string;
}

/** One difference. */
export interface EtcDifference {
  /** Absolute, UTF-8. */
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** For `changed`, what of it. */
  readonly aspects: readonly EtcAspect[];
  /** As the image has it; null when it does not. */
  readonly image: EtcInode | null;
  /** As it is here; null when it is not. */
  readonly here: EtcInode | null;
}

/** Every inode that is not on both sides, or not the same, in the order of paths. Times say nothing. */
export function compareEtc(image: EtcNode, here: EtcNode): readonly EtcDifference[] {
  return [...differences('', image, here)];
}

function* differences(
  path: string,
  image: EtcNode | undefined,
  here: EtcNode | undefined,
): Generator<EtcDifference> {
  if (image === undefined || here === undefined || !sameInode(image, here))
    yield difference(path, image, here);
  const [old, now] = [entriesOf(image), entriesOf(here)];
  for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    yield* differences(path === '' ? name : `${path}/${name}`, old.get(name), now.get(name));
  }
}

function difference(path: string, image: EtcNode | undefined, here: EtcNode | undefined): EtcDifference {
  const change = image === undefined ? 'added' : here === undefined ? 'removed' : 'changed';
  const aspects = image === undefined || here === undefined ? [] : aspectsOf(image, here);
  const shown = path === '' ? '/etc' : `/etc/${displayPath(path)}`;
  return { path: shown, change, aspects, image: inodeOf(image), here: inodeOf(here) };
}

function aspectsOf(a: EtcNode, b: EtcNode): readonly EtcAspect[] {
  const aspects: EtcAspect[] = [];
  if (a.kind !== b.kind) aspects.push('kind');
  if (a.kind === 'regular' && b.kind === 'regular' && a.content !== b.content) aspects.push('content');
  if (a.kind === 'symlink' && b.kind === 'symlink' && a.target !== b.target) aspects.push('target');
  if ('major' in a && 'major' in b && (a.major !== b.major || a.minor !== b.minor)) aspects.push('device');
  if (a.kind !== 'symlink' && b.kind !== 'symlink' && a.meta.mode !== b.meta.mode) aspects.push('mode');
  if (a.meta.uid !== b.meta.uid || a.meta.gid !== b.meta.gid) aspects.push('owner');
  if (!sameXattrs(a.meta.xattrs, b.meta.xattrs)) aspects.push('attributes');
  return aspects;
}

function inodeOf(node: EtcNode | undefined): EtcInode | null {
  if (node === undefined) return null;
  const { mode, uid, gid } = node.meta;
  const target = node.kind === 'symlink' ? { target: displayPath(node.target) } : {};
  return { kind: node.kind, mode: mode.toString(8).padStart(4, '0'), uid, gid, ...target };
}

function entriesOf(node: EtcNode | undefined): ReadonlyMap<string, EtcNode> {
  return node?.kind === 'directory' ? node.entries : new Map();
}
