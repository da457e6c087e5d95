import { SlipwayError } from '@slipway/core';
import { packTree } from '../packed/pack-tree.ts';
import { PackedTree } from '../packed/packed-tree.ts';
import type { ByteString, DirectoryNode, Metadata } from '../tree.ts';

/** What of an image's extended attributes stays. */
export interface BootTreeOptions {
  /** Keep `user.*` beside `security.capability`. Default false, as bootc does. */
  readonly userXattrs?: boolean;
}

/** Directories every bootable image has, shown empty: what is mounted there at run time is not the image's. */
const EMPTIED_DIRECTORIES: readonly ByteString[] = ['boot', 'sysroot'];
const CAPABILITY = 'security.capability';
const USER_PREFIX = 'user.';

/**
 * The tree a host boots, from the tree of an image (composefs-format section 12, steps 4 and 5; the result has the digest
 * bootc computes for an image without an SELinux policy):
 *
 * - the root takes all metadata of `/usr`: layers say nothing dependable about it;
 * - `/run` is emptied, with the time of `/usr`;
 * - `/boot` and `/sysroot` are emptied, with the seconds of `/usr`'s time (their nanoseconds stay, as bootc does it);
 * - extended attributes are dropped, except `security.capability`, and `user.*` where asked for.
 *
 * Labels for SELinux come after it: they need the policy's files, which are in the store. See `createBootImage`.
 * Nodes with several names stay one node. The tree given is not changed; it shares what stays the same.
 *
 * @throws SlipwayError IMAGE_NOT_BOOTABLE when `/usr`, `/boot` or `/sysroot` is not a directory
 */
export function bootTree(tree: DirectoryNode, options: BootTreeOptions = {}): DirectoryNode {
  const packed = packTree(tree);
  const { store } = packed;
  const usr = packed.metadata(requireDirectory(packed, 'usr', 'it is where the operating system is'));
  for (const name of EMPTIED_DIRECTORIES)
    requireDirectory(packed, name, `add RUN mkdir -p /${name} to its recipe`);

  const root = store.addDirectory(usr);
  for (const entry of store.entriesOf(packed.root)) {
    const node = store.nodeAt(entry);
    const name = store.name(entry);
    const meta = packed.metadata(node);
    const time = emptiedTime(name, usr);
    const isEmptied = time !== undefined && store.isDirectory(node);
    store.append(root, name, isEmptied ? store.addDirectory({ ...meta, ...time }) : node);
  }
  return new PackedTree(store, root, keptXattrs(packed, options.userXattrs ?? false)).rootNode;
}

/** What of its time a directory takes from `/usr` when it is emptied; undefined for one that is not. */
function emptiedTime(name: ByteString, usr: Metadata): Partial<Metadata> | undefined {
  if (name === 'run') return { mtimeSec: usr.mtimeSec, mtimeNsec: usr.mtimeNsec };
  return EMPTIED_DIRECTORIES.includes(name) ? { mtimeSec: usr.mtimeSec } : undefined;
}

function requireDirectory({ store, root }: PackedTree, name: ByteString, hint: string): number {
  for (const entry of store.entriesOf(root)) {
    if (!store.isName(entry, name)) continue;
    const node = store.nodeAt(entry);
    if (store.isDirectory(node)) return node;
    throw notBootable(name, `it is a ${store.fileKind(node)}`, hint);
  }
  throw notBootable(name, 'there is none', hint);
}

function notBootable(name: ByteString, found: string, hint: string): SlipwayError {
  return new SlipwayError(
    'IMAGE_NOT_BOOTABLE',
    `cannot boot the image: it needs a directory /${name}, ${found}`,
    { hint, details: { path: `/${name}` } },
  );
}

/** The sets of attributes of all nodes without those that go. */
function keptXattrs(packed: PackedTree, userXattrs: boolean): Uint32Array {
  const keeps = (key: ByteString): boolean =>
    key === CAPABILITY || (userXattrs && key.startsWith(USER_PREFIX));
  return packed.mapXattrs((xattrs) => {
    const kept = [...xattrs].filter(([key]) => keeps(key));
    return kept.length === xattrs.size ? undefined : new Map(kept);
  });
}
