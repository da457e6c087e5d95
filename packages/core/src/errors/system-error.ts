/** What the operating system answers when it refuses, in words (errno(3)). */
const MEANING: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or directory',
  EEXIST: 'it exists already',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  ENOTEMPTY: 'directory not empty',
  ENOSPC: 'no space left',
  EDQUOT: 'disk quota exceeded',
  EFBIG: 'file too large',
  EROFS: 'read-only file system',
  EIO: 'input/output error',
  EMFILE: 'too many open files',
  ELOOP: 'too many symbolic links',
  EBUSY: 'busy',
  EXDEV: 'on another file system',
  ENAMETOOLONG: 'name too long',
};

/** A refused system call: `EACCES` of `mkdir` on a path, and what that means. */
export interface SystemRefusal {
  readonly errno: string;
  readonly syscall: string;
  readonly path: string | undefined;
  readonly meaning: string;
}

/** The refused system call behind something thrown; undefined for anything else. */
export function systemRefusal(thrown: unknown): SystemRefusal | undefined {
  if (!(thrown instanceof Error) || !('syscall' in thrown) || !('code' in thrown)) return undefined;
  const { code: errno, syscall } = thrown;
  if (typeof errno !== 'string' || typeof syscall !== 'string') return undefined;
  const path = 'path' in thrown && typeof thrown.path === 'string' ? thrown.path : undefined;
  return { errno, syscall, path, meaning: MEANING[errno] ?? errno };
}
