import { SlipwayError } from '@slipway/core';

/** POSIX ACLs: system calls carry version 2 with 8 bytes an entry, the disk version 1 with an id only where one is meant. */

const CALL_VERSION = 2;
const DISK_VERSION = 1;
const TAG_USER = 0x02;
const TAG_GROUP = 0x08;
const NO_ID = 0xffffffff;

/**
 * An ACL as `setxattr` takes it, in the form ext4 stores.
 *
 * @throws SlipwayError DISK_TREE_INVALID when it is not an ACL
 */
export function aclToDisk(value: Uint8Array, path: () => string): Buffer {
  const call = Buffer.from(value);
  if (call.length < 4 || (call.length - 4) % 8 !== 0 || call.readUInt32LE(0) !== CALL_VERSION) {
    throw new SlipwayError('DISK_TREE_INVALID', `cannot write ${path()}: its ACL is malformed`, {
      details: { path: path() },
    });
  }
  const parts: Buffer[] = [uint32(DISK_VERSION)];
  for (let at = 4; at < call.length; at += 8) {
    parts.push(call.subarray(at, hasId(call.readUInt16LE(at)) ? at + 8 : at + 4));
  }
  return Buffer.concat(parts);
}

/** The reverse: what ext4 stores in the form `getxattr` gives. Undefined when it is not an ACL. */
export function aclFromDisk(disk: Buffer): Buffer | undefined {
  if (disk.length < 4 || disk.readUInt32LE(0) !== DISK_VERSION) return undefined;
  const parts: Buffer[] = [uint32(CALL_VERSION)];
  for (let at = 4; at < disk.length; ) {
    if (at + 4 > disk.length) return undefined;
    const long = hasId(disk.readUInt16LE(at));
    if (long && at + 8 > disk.length) return undefined;
    parts.push(disk.subarray(at, at + 4), long ? disk.subarray(at + 4, at + 8) : uint32(NO_ID));
    at += long ? 8 : 4;
  }
  return Buffer.concat(parts);
}

function hasId(tag: number): boolean {
  return tag === TAG_USER || tag === TAG_GROUP;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
