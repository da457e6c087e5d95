import { aclFromDisk } from '../acl.ts';
import {
  BLOCK_BYTES,
  INODE,
  INODE_BASE_BYTES,
  XATTR_BLOCK,
  XATTR_BLOCK_HEADER_BYTES,
  XATTR_ENTRY,
  XATTR_ENTRY_BYTES,
  XATTR_MAGIC,
} from '../format.ts';
import { sealXattrBlock, xattrName } from '../xattr.ts';
import { type Ext4Volume, readBlock, refuse } from './volume.ts';

/** All attributes of an inode, from the inode itself and from its block. */
export async function readXattrs(
  volume: Ext4Volume,
  number: number,
  inode: Buffer,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const xattrs = new Map<string, Uint8Array>();
  const extraBytes = inode.readUInt16LE(INODE.extraBytes);
  if (extraBytes > inode.length - INODE_BASE_BYTES) refuse(`inode ${number} has ${extraBytes} extra bytes`);
  const inline = inode.subarray(INODE_BASE_BYTES + extraBytes);
  if (inline.length >= 4 && inline.readUInt32LE(0) === XATTR_MAGIC)
    collect(xattrs, inline.subarray(4), 0, number);
  const block = inode.readUInt32LE(INODE.xattrBlockLow) + inode.readUInt16LE(INODE.xattrBlockHigh) * 2 ** 32;
  if (block === 0) return xattrs;
  const bytes = await readBlock(volume, block);
  const stored = bytes.readUInt32LE(XATTR_BLOCK.checksum);
  bytes.writeUInt32LE(0, XATTR_BLOCK.checksum);
  const sealed = sealXattrBlock(bytes, volume.seed, block).readUInt32LE(XATTR_BLOCK.checksum);
  if (bytes.readUInt32LE(0) !== XATTR_MAGIC || sealed !== stored)
    refuse(`the attributes of inode ${number} are damaged`);
  collect(xattrs, bytes, XATTR_BLOCK_HEADER_BYTES, number);
  return xattrs;
}

function collect(xattrs: Map<string, Uint8Array>, bytes: Buffer, from: number, number: number): void {
  for (let at = from; at + 4 <= bytes.length && bytes.readUInt32LE(at) !== 0; ) {
    if (at + XATTR_ENTRY_BYTES > bytes.length) refuse(`the attributes of inode ${number} run over`);
    const nameBytes = bytes.readUInt8(at + XATTR_ENTRY.nameBytes);
    const valueAt = bytes.readUInt16LE(at + XATTR_ENTRY.valueOffset);
    const valueBytes = bytes.readUInt32LE(at + XATTR_ENTRY.valueBytes);
    const nameAt = at + XATTR_ENTRY_BYTES;
    const fits =
      nameAt + nameBytes <= bytes.length && valueBytes <= BLOCK_BYTES && valueAt + valueBytes <= bytes.length;
    if (!fits || bytes.readUInt32LE(at + XATTR_ENTRY.valueInode) !== 0)
      refuse(`an attribute of inode ${number} is misplaced`);
    const index = bytes.readUInt8(at + XATTR_ENTRY.nameIndex);
    const name = xattrName(index, bytes.toString('latin1', nameAt, nameAt + nameBytes));
    if (name === undefined || xattrs.has(name))
      refuse(`inode ${number} has an attribute of kind ${index} too many`);
    const value = Buffer.from(bytes.subarray(valueAt, valueAt + valueBytes));
    const acl = name.startsWith('system.posix_acl_') ? aclFromDisk(value) : value;
    if (acl === undefined) refuse(`the ACL of inode ${number} is malformed`);
    xattrs.set(name, acl);
    at = nameAt + ((nameBytes + 3) & ~3);
  }
}
