import type { DirectoryNode, Repository } from '@slipway/composefs';
import type { DiskDirectory, DiskMetadata } from '@slipway/disk';
import { hostLayout, VAR_LINK_TARGET } from '@slipway/host';
import { bytesFile, directoryBuilder, symlink } from './disk-tree.ts';
import { withoutMounted } from './storage/mounted-trees.ts';
import { objectPath, objectsDirectory, type StoreContent } from './store-tree.ts';
import { applyEdits } from './system/apply-edits.ts';
import type { SystemEdit } from './system/draft.ts';
import { treeCopy } from './tree-copy.ts';

/** What stands on the root file system of a new host. */
export interface RootContent extends StoreContent {
  readonly repository: Repository;
  /** Name of the deployment: digest of its EROFS image. */
  readonly id: string;
  /** The image as a host boots it: `/etc` and `/var` are copied from it. */
  readonly image: DirectoryNode;
  readonly metaJson: string;
  readonly origin: string;
  readonly history: string;
  /** Changes to `/etc` and `/var`. */
  readonly edits: ReadonlyMap<string, SystemEdit>;
  /** Paths below `/var` other file systems are mounted at, each with what takes the directory's content. */
  readonly mounts: readonly { readonly path: string; readonly take: (tree: DiskDirectory) => void }[];
  /** Time of everything the image does not give a time, seconds since 1970. */
  readonly timeSec: number;
}

/**
 * The root file system of a new host: the object store, sealed, and the state of its first deployment (DESIGN.md section 3).
 *
 * A disk made from it boots with every byte below `/usr` checked by the kernel on each read.
 */
export function rootTree(content: RootContent): DiskDirectory {
  const meta = (mode: number): DiskMetadata => ({
    mode,
    uid: 0,
    gid: 0,
    mtimeSec: content.timeSec,
    mtimeNsec: 0,
  });
  const layout = hostLayout('/');
  const deployment = layout.deployment(content.id);
  const root = directoryBuilder(meta(0o755));
  const store = '/composefs';

  root.directory(store, meta(0o700));
  root.put(`${store}/meta.json`, {
    ...bytesFile(Buffer.from(content.metaJson), meta(0o644)),
    verity: content.repository.algorithm,
  });
  const objectMeta = { file: meta(0o644), directory: meta(0o755) };
  root.put(`${store}/objects`, objectsDirectory(content.repository, content.objects, objectMeta));
  root.put(`${store}/images/${content.id}`, symlink(`../objects/${objectPath(content.id)}`, meta(0o777)));
  root.directory(`${store}/streams`);
  for (const [name, digest] of content.streams) {
    root.put(`${store}/streams/${name}`, symlink(`../objects/${objectPath(digest)}`, meta(0o777)));
  }

  const copy = treeCopy(content.repository);
  const edited = (name: 'etc' | 'var'): DiskDirectory => {
    const directory = copy.directory(directoryOf(content, name, meta(0o755)));
    return applyEdits(directory, `/${name}`, content.edits, copy, content.timeSec);
  };
  root.put(deployment.etc, edited('etc'));
  root.put(deployment.varLink, symlink(VAR_LINK_TARGET, meta(0o777)));
  root.put(deployment.origin, bytesFile(Buffer.from(content.origin), meta(0o644)));
  root.put(layout.varDirectory, withoutMounted(edited('var'), content.mounts));
  root.put(layout.history, bytesFile(Buffer.from(content.history), meta(0o644)));
  return root.build();
}

/** A directory at the top of the image, or an empty one where the image has none. */
function directoryOf(content: RootContent, name: string, meta: DiskMetadata): DirectoryNode {
  const node = content.image.entries.get(name);
  return node?.kind === 'directory'
    ? node
    : { kind: 'directory', meta: { ...meta, xattrs: new Map() }, entries: new Map() };
}
