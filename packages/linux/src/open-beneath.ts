import { addon } from './addon.ts';
import { type PathLike, pathBytes } from './path.ts';

/** Flags of openat2(2). */
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;

/** How to open a file beneath a directory. */
export interface OpenBeneathOptions {
  /** Flags of `fs.constants` (`O_RDONLY`, `O_CREAT`, …); close-on-exec is always added. Default: reading. */
  readonly flags?: number;
  /** Permission bits of a file this creates; must be left out where nothing is created. */
  readonly mode?: number;
  /** Whether a symlink anywhere on the way is followed, never out of the directory. Default: refused with ELOOP. */
  readonly followSymlinks?: boolean;
}

/**
 * Opens a path that comes from outside, below a directory it can by no means leave: not by `..`, not by an absolute
 * path, not by a symlink, not by a rename that races the walk. The caller closes what it gets.
 *
 * @param directoryFd open directory
 * @returns a file descriptor
 * @throws an Error with `code` EXDEV when the path leaves the directory, ELOOP at a symlink, or what open(2) says
 * @see openat2(2), RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS
 */
export function openBeneath(directoryFd: number, path: PathLike, options: OpenBeneathOptions = {}): number {
  const { flags = 0, mode = 0, followSymlinks = false } = options;
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (followSymlinks ? 0 : RESOLVE_NO_SYMLINKS);
  return addon().openat2(directoryFd, pathBytes(path), flags, mode, resolve);
}
