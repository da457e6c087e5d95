import { addon } from './addon.ts';
import { type PathLike, pathBytes } from './path.ts';

/** A time of a file, exact to the nanosecond, which no JavaScript number of seconds is. */
export interface FileTime {
  /** Seconds since 1970, may be negative. */
  readonly sec: number;
  /** 0 to 999,999,999. */
  readonly nsec: number;
}

const UNCHANGED = { sec: 0, nsec: -1 } as const;

/**
 * Sets times of a file, of a symlink itself where the path names one. What is left out stays as it is.
 *
 * @see utimensat(2), AT_SYMLINK_NOFOLLOW
 */
export function setFileTimes(
  path: PathLike,
  times: { readonly accessed?: FileTime; readonly modified?: FileTime },
): void {
  const { accessed = UNCHANGED, modified = UNCHANGED } = times;
  addon().lutimes(pathBytes(path), accessed.sec, accessed.nsec, modified.sec, modified.nsec);
}
