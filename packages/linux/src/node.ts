import { constants } from 'node:fs';
import { addon } from './addon.ts';
import { type PathLike, pathBytes } from './path.ts';

/** A file that is neither regular, directory nor symlink. */
export type SpecialFile =
  | { readonly kind: 'fifo' | 'socket' }
  | {
      readonly kind: 'character-device' | 'block-device';
      readonly major: number;
      readonly minor: number;
    };

const TYPE_BITS: Readonly<Record<SpecialFile['kind'], number>> = {
  fifo: constants.S_IFIFO,
  socket: constants.S_IFSOCK,
  'character-device': constants.S_IFCHR,
  'block-device': constants.S_IFBLK,
};

/**
 * Makes a fifo, socket or device node.
 *
 * @param mode permission bits; the process's umask is taken off, set-id bits need a chmod afterwards
 * @throws an Error with `code` EPERM for a device without CAP_MKNOD, EEXIST when the name is taken
 * @see mknod(2)
 */
export function makeNode(path: PathLike, file: SpecialFile, mode: number): void {
  const [major, minor] = 'major' in file ? [file.major, file.minor] : [0, 0];
  addon().mknod(pathBytes(path), TYPE_BITS[file.kind] | (mode & 0o7777), major, minor);
}
