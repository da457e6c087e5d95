import { changeFile } from '../change-file.ts';
import { withPermissions } from '../mode.ts';
import type { DiskDirectory, DiskMetadata, DiskNode } from '../tree.ts';
import { BIG_TIME_EPOCH_SEC, FLAG_BIG_TIME, INODE } from './format.ts';
import { namesIn } from './names.ts';
import { standInName } from './stand-in.ts';
import { invalid, type XfsPiece, XfsVolume } from './volume.ts';

const NANOSECONDS = 1_000_000_000n;

/**
 * Gives every file of an XFS in a file of this machine the name, owner, mode and times it has in a tree.
 *
 * `mkfs.xfs -p` cannot say the sticky bit, times, and names with a space in them; those were made under {@link standInName}. All of it has
 * a fixed place, so it is set afterwards. Nobody may have the file system mounted, and a power cut in the middle leaves one to be made anew.
 *
 * @param path of the file the file system is in
 * @param root what it was made from; no file has two names
 * @throws SlipwayError DISK_INVALID when it is no such file system or does not hold the tree, IO_FAILED
 */
export function setXfsMetadata(path: string, root: DiskDirectory): void {
  changeFile(path, (file) => setAll(new XfsVolume(file), root));
}

type Place = Omit<XfsPiece, 'bytes'>;

/** What an inode becomes. */
interface Wanted {
  readonly meta: DiskMetadata;
  /** Of a directory: names that stand for others. */
  readonly names: ReadonlyMap<string, string>;
}

function setAll(volume: XfsVolume, root: DiskDirectory): void {
  const places: Place[] = [];
  const entries = new Map<number, Map<string, number>>();
  for (const piece of volume.pieces()) {
    const { kind, offsetBytes, inode } = piece;
    places.push({ kind, offsetBytes, inode });
    for (const found of namesIn(piece)) {
      const names = entries.get(inode) ?? new Map<string, number>();
      entries.set(inode, names.set(found.name.toString('latin1'), found.inode));
    }
  }
  const wanted = wantedOfInodes(volume, root, entries);
  for (const place of places) {
    const own = wanted.get(place.inode);
    // The file system has inodes of its own.
    if (own === undefined) continue;
    const piece = volume.read(place);
    if (place.kind === 'inode') setInode(piece.bytes, own.meta);
    if (place.kind === 'inode' || own.names.size > 0) {
      setNames(piece, own.names);
      volume.write(piece);
    }
  }
}

function wantedOfInodes(
  volume: XfsVolume,
  root: DiskDirectory,
  entries: ReadonlyMap<number, ReadonlyMap<string, number>>,
): ReadonlyMap<number, Wanted> {
  const wanted = new Map<number, Wanted>();
  const visit = (node: DiskNode, inode: number): void => {
    const names = new Map<string, string>();
    wanted.set(inode, { meta: node.meta, names });
    if (node.kind !== 'directory') return;
    for (const [name, child] of node.entries) {
      const standIn = standInName(name);
      const found = standIn === undefined ? undefined : entries.get(inode)?.get(standIn);
      if (standIn === undefined || found === undefined)
        throw invalid(`it does not hold ${Buffer.from(name, 'latin1').toString()}`);
      if (standIn !== name) names.set(standIn, name);
      visit(child, found);
    }
    if (names.size > 0 && volume.hasParentPointers)
      throw invalid('its files hold their names too, which cannot be put right');
  };
  visit(root, volume.rootInode);
  return wanted;
}

function setNames(piece: XfsPiece, names: ReadonlyMap<string, string>): void {
  for (const { name } of namesIn(piece)) {
    const real = names.get(name.toString('latin1'));
    if (real !== undefined) name.write(real, 'latin1');
  }
}

function setInode(bytes: Buffer, { mode, uid, gid, mtimeSec, mtimeNsec }: DiskMetadata): void {
  bytes.writeUInt16BE(withPermissions(bytes.readUInt16BE(INODE.mode), mode), INODE.mode);
  bytes.writeUInt32BE(uid, INODE.uid);
  bytes.writeUInt32BE(gid, INODE.gid);
  const isBig = (bytes.readBigUInt64BE(INODE.flags) & FLAG_BIG_TIME) !== 0n;
  for (const offset of [...INODE.times, INODE.created]) {
    if (isBig) {
      const sinceEpoch = (BigInt(mtimeSec) + BIG_TIME_EPOCH_SEC) * NANOSECONDS + BigInt(mtimeNsec);
      bytes.writeBigUInt64BE(sinceEpoch < 0n ? 0n : sinceEpoch, offset);
    } else {
      bytes.writeInt32BE(Math.min(mtimeSec, 0x7fff_ffff), offset);
      bytes.writeInt32BE(mtimeNsec, offset + 4);
    }
  }
}
