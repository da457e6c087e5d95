import {
  type ByteString,
  type DirectoryNode,
  directoryMember,
  leafMember,
  linkMember,
} from '@slipway/composefs';
import type { TarInput } from '@slipway/oci';
import type { BodySpool } from '../flat-image/body-spool.ts';
import { type ContentGroup, type GroupFile, isOfPackage } from './content-group.ts';

/**
 * Time of directories in all layers but the last. Container engines take a directory's attributes from the topmost layer that
 * has it, so every layer must describe the directories its files are in; were their times there as well, one new file in
 * `/usr/bin` would change every layer with a file in `/usr/bin`. The last layer describes all directories as they are.
 */
const PROVISIONAL_TIME = 0;

/**
 * The members of a layer: each directory once, before what is in it; a hard link after the name it links to.
 *
 * @param mtimeSec time of files of no package; undefined: their own
 */
export function* layerMembers(
  tree: DirectoryNode,
  groups: readonly ContentGroup[],
  bodies: BodySpool,
  mtimeSec: number | undefined,
): Generator<TarInput, void, undefined> {
  const parents = new ParentDirectories(tree);
  for (const group of groups) {
    const time = isOfPackage(group) ? undefined : mtimeSec;
    for (const file of inOrder(group.files)) {
      for (const member of inodeMembers(file, parents, bodies)) yield at(member, time);
    }
  }
}

/**
 * The members of the last layer: every directory.
 *
 * @param mtimeSec their time; undefined: their own
 */
export function* directoryMembers(
  tree: DirectoryNode,
  describesRoot: boolean,
  mtimeSec: number | undefined,
): Generator<TarInput, void, undefined> {
  if (describesRoot) yield at(directoryMember('./', tree.meta), mtimeSec);
  const pending: { readonly path: ByteString; readonly node: DirectoryNode }[] = [{ path: '', node: tree }];
  for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
    if (step.path !== '') yield at(directoryMember(step.path, step.node.meta), mtimeSec);
    const names = [...step.node.entries].sort(([a], [b]) => (a < b ? 1 : -1));
    for (const [name, node] of names) {
      if (node.kind === 'directory') pending.push({ path: `${step.path}${name}/`, node });
    }
  }
}

function at(member: TarInput, mtimeSec: number | undefined): TarInput {
  if (mtimeSec === undefined) return member;
  const isProvisional = member.kind === 'directory' && member.mtimeSec === PROVISIONAL_TIME;
  return isProvisional ? member : { ...member, mtimeSec, mtimeNsec: 0 };
}

function* inodeMembers(
  { paths, node }: GroupFile,
  parents: ParentDirectories,
  bodies: BodySpool,
): Generator<TarInput, void, undefined> {
  const [first, ...links] = paths;
  yield* parents.before(first);
  yield leafMember(first, node, (file) => bodies.read(file));
  for (const path of links) {
    yield* parents.before(path);
    yield linkMember(path, node.meta, first);
  }
}

function inOrder(files: readonly GroupFile[]): readonly GroupFile[] {
  return files.toSorted((a, b) => (a.paths[0] < b.paths[0] ? -1 : 1));
}

/** Describes the directories on the way to a path that were not described yet. */
class ParentDirectories {
  readonly #tree: DirectoryNode;
  readonly #described = new Set<ByteString>();

  constructor(tree: DirectoryNode) {
    this.#tree = tree;
  }

  *before(path: ByteString): Generator<TarInput, void, undefined> {
    const names = path.split('/').slice(0, -1);
    if (this.#described.has(`${names.join('/')}/`)) return;
    let node = this.#tree;
    let at = '';
    for (const name of names) {
      const child = node.entries.get(name);
      if (child?.kind !== 'directory') throw new Error(`internal error: ${path} is not in the tree`);
      node = child;
      at += `${name}/`;
      if (this.#described.has(at)) continue;
      this.#described.add(at);
      yield directoryMember(at, { ...node.meta, mtimeSec: PROVISIONAL_TIME, mtimeNsec: 0 });
    }
  }
}
