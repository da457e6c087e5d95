import { constants } from 'node:fs';
import { addon } from './addon.ts';
import { type PathLike, pathBytes } from './path.ts';

/** Flags of renameat2(2). */
const NOREPLACE = 1;
const EXCHANGE = 2;

/**
 * Swaps two names in one step: at no instant, power cut included, is either of them missing.
 *
 * @throws an Error with `code` ENOENT when either is missing, EXDEV across file systems, EINVAL where the file system cannot
 * @see renameat2(2), RENAME_EXCHANGE
 */
export function exchangePaths(one: PathLike, other: PathLike): void {
  addon().renameat2(pathBytes(one), pathBytes(other), EXCHANGE);
}

/**
 * Renames without ever replacing what stands at the new name.
 *
 * @throws an Error with `code` EEXIST when the new name is taken
 * @see renameat2(2), RENAME_NOREPLACE
 */
export function renameNoReplace(from: PathLike, to: PathLike): void {
  addon().renameat2(pathBytes(from), pathBytes(to), NOREPLACE);
}

/**
 * Flag of `fs.open` on a directory: a new file in it that has no name yet, and is gone when closed without getting one.
 * Node leaves it out of `fs.constants`.
 *
 * @see open(2), O_TMPFILE
 */
export const O_TMPFILE: number = 0o20000000 | constants.O_DIRECTORY;

/**
 * Gives an open file a name, never replacing one. With a file opened by {@link O_TMPFILE} this is how an object appears whole or
 * not at all: a power cut before it leaves nothing behind, not even a temporary name. Needs /proc.
 *
 * @throws an Error with `code` EEXIST when the name is taken, EXDEV on another file system
 * @see open(2), O_TMPFILE; linkat(2)
 */
export function linkOpenFile(fd: number, path: PathLike): void {
  addon().linkFd(fd, pathBytes(path));
}
