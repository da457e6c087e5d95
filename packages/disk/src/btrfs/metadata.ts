import { SlipwayError } from '@slipway/core';
import { changeFile } from '../change-file.ts';
import { withPermissions } from '../mode.ts';
import type { DiskDirectory, DiskMetadata, DiskNode } from '../tree.ts';
import { DIRECTORY_ENTRY, INODE, ITEM_KIND, TOP_INODE } from './format.ts';
import { BtrfsVolume, invalid, itemsOf, number } from './volume.ts';

/**
 * Gives every file of a btrfs in a file of this machine the owner, mode and times it has in a tree.
 *
 * `mkfs.btrfs --rootdir` takes those of the directory it copies, and only root can make that directory as it should be. Inodes have
 * fixed places, so they are set afterwards, in place: each leaf is written whole with its checksum. Nobody may have the file system
 * mounted, and a power cut in the middle leaves one to be made anew.
 *
 * @param path of the file the file system is in
 * @param root what was copied into it, under the same names; no file has two
 * @throws SlipwayError DISK_INVALID when it is no such file system or holds something else, DISK_TREE_INVALID when it holds attributes of
 *   the machine it was made on, IO_FAILED
 */
export function setBtrfsMetadata(path: string, root: DiskDirectory): void {
  changeFile(path, (file) => setAll(new BtrfsVolume(file), root));
}

function setAll(volume: BtrfsVolume, root: DiskDirectory): void {
  const wanted = metadataOfInodes(root, entriesOf(volume));
  for (const leaf of volume.fileLeaves()) {
    let isChanged = false;
    for (const { objectId, kind, bytes } of itemsOf(leaf)) {
      const meta = wanted.get(objectId);
      if (kind === ITEM_KIND.attribute) refuseForeignAttribute(bytes, meta);
      if (kind !== ITEM_KIND.inode) continue;
      if (meta === undefined) throw invalid(`nothing is known of its file ${objectId}`);
      setInode(bytes, meta);
      isChanged = true;
    }
    if (isChanged) volume.write(leaf);
  }
}

type Entries = ReadonlyMap<number, ReadonlyMap<string, number>>;

/** Of every directory, its names and what they stand for. */
function entriesOf(volume: BtrfsVolume): Entries {
  const entries = new Map<number, Map<string, number>>();
  for (const leaf of volume.fileLeaves()) {
    for (const { objectId, kind, bytes } of itemsOf(leaf)) {
      if (kind !== ITEM_KIND.directoryIndex) continue;
      const names = entries.get(objectId) ?? new Map<string, number>();
      entries.set(objectId, names);
      const end = DIRECTORY_ENTRY.name + bytes.readUInt16LE(DIRECTORY_ENTRY.nameBytes);
      names.set(bytes.toString('latin1', DIRECTORY_ENTRY.name, end), number(bytes, DIRECTORY_ENTRY.inode));
    }
  }
  return entries;
}

function metadataOfInodes(root: DiskDirectory, entries: Entries): ReadonlyMap<number, DiskMetadata> {
  const metadata = new Map<number, DiskMetadata>();
  const visit = (node: DiskNode, inode: number): void => {
    metadata.set(inode, node.meta);
    if (node.kind !== 'directory') return;
    for (const [name, child] of node.entries) {
      const found = entries.get(inode)?.get(name);
      if (found === undefined) throw invalid(`it does not hold ${Buffer.from(name, 'latin1').toString()}`);
      visit(child, found);
    }
  };
  visit(root, TOP_INODE);
  return metadata;
}

/** One the tree does not have came from the machine that made the copy: labels of SELinux, lists its directories pass on. */
function refuseForeignAttribute(bytes: Buffer, meta: DiskMetadata | undefined): void {
  for (let at = 0; at < bytes.length; ) {
    const start = at + DIRECTORY_ENTRY.name;
    const end = start + bytes.readUInt16LE(at + DIRECTORY_ENTRY.nameBytes);
    const name = bytes.toString('latin1', start, end);
    if (meta?.xattrs?.has(name) !== true) {
      throw new SlipwayError(
        'DISK_TREE_INVALID',
        `cannot make btrfs: this machine gives new files the attribute ${name}`,
        {
          hint: 'the file system would hold it too; set TMPDIR to a directory where files get none, or make ext4',
        },
      );
    }
    at = end + bytes.readUInt16LE(at + DIRECTORY_ENTRY.valueBytes);
  }
}

function setInode(bytes: Buffer, { mode, uid, gid, mtimeSec, mtimeNsec }: DiskMetadata): void {
  bytes.writeUInt32LE(withPermissions(bytes.readUInt32LE(INODE.mode), mode), INODE.mode);
  bytes.writeUInt32LE(uid, INODE.uid);
  bytes.writeUInt32LE(gid, INODE.gid);
  // One, whatever the copied file had elsewhere: in the tree no file has two names.
  bytes.writeUInt32LE(1, INODE.links);
  for (const offset of INODE.times) {
    bytes.writeBigInt64LE(BigInt(mtimeSec), offset);
    bytes.writeUInt32LE(mtimeNsec, offset + INODE.nanoseconds);
  }
}
