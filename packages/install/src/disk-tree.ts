import type { DiskDirectory, DiskFile, DiskMetadata, DiskNode, DiskSymlink } from '@slipway/disk';

/** A directory of the disk under construction: the places of a layout are many and shallow, so it is built by path. */
export interface DirectoryBuilder {
  /** Puts a node at a path below this directory; missing parents are made with the builder's own metadata. */
  put(path: string, node: DiskNode): void;
  /** Sets the metadata of a directory at a path, making it where it is missing. */
  directory(path: string, meta?: DiskMetadata): void;
  build(): DiskDirectory;
}

interface Draft {
  meta: DiskMetadata;
  readonly children: Map<string, Draft | DiskNode>;
}

/** Starts an empty tree whose directories look like `meta` unless told otherwise. */
export function directoryBuilder(meta: DiskMetadata): DirectoryBuilder {
  const root: Draft = { meta, children: new Map() };

  function draftAt(parts: readonly string[]): Draft {
    let draft = root;
    for (const part of parts) {
      let next = draft.children.get(part);
      if (next === undefined) {
        next = { meta, children: new Map() };
        draft.children.set(part, next);
      }
      if (!isDraft(next)) throw new TypeError(`a directory is to stand where a file is: ${parts.join('/')}`);
      draft = next;
    }
    return draft;
  }

  return {
    put(path, node) {
      const parts = split(path);
      draftAt(parts.slice(0, -1)).children.set(parts.at(-1) ?? '', node);
    },
    directory(path, own) {
      const draft = draftAt(split(path));
      draft.meta = own ?? draft.meta;
    },
    build: () => finish(root),
  };
}

/** A file whose content is known now. */
export function bytesFile(bytes: Uint8Array, meta: DiskMetadata): DiskFile {
  return {
    kind: 'file',
    meta,
    sizeBytes: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}

/** A symbolic link. */
export function symlink(target: string, meta: DiskMetadata): DiskSymlink {
  return { kind: 'symlink', meta: { ...meta, mode: 0o777 }, target };
}

function finish(draft: Draft): DiskDirectory {
  const entries = new Map<string, DiskNode>();
  for (const [name, child] of draft.children) entries.set(name, isDraft(child) ? finish(child) : child);
  return { kind: 'directory', meta: draft.meta, entries };
}

function isDraft(child: Draft | DiskNode): child is Draft {
  return 'children' in child;
}

function split(path: string): readonly string[] {
  return path.split('/').filter((part) => part !== '');
}
