/** The mode of an inode, the same in every file system here (inode(7)). */

/** The part of it that says what kind of file it is, and the kinds. */
export const FILE_TYPE_BITS = 0o170000;
export const FILE_TYPE = {
  fifo: 0o010000,
  'character-device': 0o020000,
  directory: 0o040000,
  'block-device': 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;
const PERMISSION_BITS = 0o7777;

/** Other permissions for a file of the same kind; set-id and sticky bits are among them. */
export function withPermissions(mode: number, permissions: number): number {
  return (mode & FILE_TYPE_BITS) | (permissions & PERMISSION_BITS);
}
