import type { DiskDirectory, DiskMetadata, DiskNode } from '@slipway/disk';
import { bytesFile, symlink } from '../disk-tree.ts';
import type { TreeCopy } from '../tree-copy.ts';
import type { Ownership, SystemEdit } from './draft.ts';

/** A directory to be changed: what is to happen to it, and to names in it. */
interface EditNode {
  edit: SystemEdit | undefined;
  readonly children: Map<string, EditNode>;
}

/**
 * A copy of a directory of a host with changes made.
 *
 * @param prefix where the directory is on the host, `/etc`; changes elsewhere are passed over
 * @param timeSec modification time of what is new
 */
export function applyEdits(
  directory: DiskDirectory,
  prefix: string,
  edits: ReadonlyMap<string, SystemEdit>,
  copy: TreeCopy,
  timeSec: number,
): DiskDirectory {
  const top: EditNode = { edit: undefined, children: new Map() };
  for (const [path, edit] of edits) {
    if (!path.startsWith(`${prefix}/`)) continue;
    let at = top;
    for (const name of Buffer.from(path.slice(prefix.length + 1))
      .toString('latin1')
      .split('/')) {
      const next = at.children.get(name) ?? { edit: undefined, children: new Map() };
      at.children.set(name, next);
      at = next;
    }
    at.edit = edit;
  }
  return editedDirectory(directory, top);

  function editedDirectory(before: DiskDirectory | undefined, { edit, children }: EditNode): DiskDirectory {
    const entries = new Map<string, DiskNode>(before?.entries);
    for (const [name, child] of children) {
      const made = edited(entries.get(name), child);
      if (made === undefined) entries.delete(name);
      else entries.set(name, made);
    }
    const own: Ownership = edit?.kind === 'directory' ? edit : {};
    return { kind: 'directory', meta: metaOf(before, own, 0o755), entries };
  }

  function edited(before: DiskNode | undefined, node: EditNode): DiskNode | undefined {
    const { edit } = node;
    if (edit === undefined || edit.kind === 'directory') {
      return editedDirectory(before?.kind === 'directory' ? before : undefined, node);
    }
    if (edit.kind === 'remove') return undefined;
    if (edit.kind === 'symlink') {
      return symlink(Buffer.from(edit.target).toString('latin1'), metaOf(undefined, {}, 0o777));
    }
    const was = before?.kind === 'file' ? before : undefined;
    if (edit.kind === 'file') return bytesFile(edit.bytes, metaOf(was, edit, 0o644));
    return { ...copy.file(edit.from), meta: { ...edit.from.meta, ...given(edit) } };
  }

  function metaOf(before: DiskNode | undefined, own: Ownership, mode: number): DiskMetadata {
    const base = before?.meta ?? { mode, uid: 0, gid: 0 };
    return { ...base, ...given(own), mtimeSec: timeSec, mtimeNsec: 0 };
  }
}

function given({ mode, uid, gid }: Ownership): Ownership & { mode?: number; uid?: number; gid?: number } {
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
}
