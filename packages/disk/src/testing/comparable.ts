import type { DiskDirectory, DiskMetadata, DiskNode } from '../tree.ts';

/** A tree as plain data with the content of its files, so that two can be compared. `lost+found` is left out. */
export async function comparable(tree: DiskDirectory): Promise<readonly unknown[]> {
  const rows: unknown[] = [];
  const firstPaths = new Map<DiskNode, string>();
  async function add(path: string, node: DiskNode): Promise<void> {
    const first = firstPaths.get(node);
    if (first !== undefined) {
      rows.push([path, 'same as', first]);
      return;
    }
    firstPaths.set(node, path);
    rows.push([path, node.kind, ...metaRow(node.meta), ...(await contentRow(node))]);
    if (node.kind !== 'directory') return;
    for (const name of [...node.entries.keys()].sort()) {
      const child = node.entries.get(name);
      if (child !== undefined && `${path}/${name}` !== '/lost+found') await add(`${path}/${name}`, child);
    }
  }
  await add('', tree);
  return rows;
}

function metaRow({ mode, uid, gid, mtimeSec, mtimeNsec, xattrs }: DiskMetadata): readonly unknown[] {
  const values = [...(xattrs ?? [])].map(([key, value]) => [key, Buffer.from(value).toString('hex')]);
  const seconds = Math.min(Math.max(mtimeSec, -(2 ** 31)), 2 ** 34 - 2 ** 31 - 1);
  return [mode, uid, gid, seconds, mtimeNsec, Object.fromEntries(values)];
}

async function contentRow(node: DiskNode): Promise<readonly unknown[]> {
  switch (node.kind) {
    case 'file': {
      const chunks: Uint8Array[] = [];
      for await (const chunk of node.open()) chunks.push(Uint8Array.from(chunk));
      return [node.sizeBytes, node.verity, node.data, Buffer.concat(chunks).toString('base64')];
    }
    case 'symlink':
      return [node.target];
    case 'character-device':
    case 'block-device':
      return [node.major, node.minor];
    case 'directory':
    case 'fifo':
    case 'socket':
      break;
  }
  return [];
}
