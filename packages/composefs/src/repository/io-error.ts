import { errnoOf, isSlipwayError, messageOf, SlipwayError } from '@slipway/core';

/**
 * What to throw when the operating system refused: a full disk is told apart because it is the one the user can end.
 *
 * @param action what was being done, in the words of an error: "write an object"
 */
export function ioError(action: string, path: string, cause: unknown): SlipwayError {
  if (isSlipwayError(cause)) return cause;
  const errno = errnoOf(cause);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return new SlipwayError('NO_SPACE', `cannot ${action}: the file system of ${path} is full`, {
      hint: 'free some space, or collect garbage in the object store',
      details: { path },
      cause,
    });
  }
  const denied = errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS';
  return new SlipwayError('IO_FAILED', `cannot ${action}: ${messageOf(cause)}`, {
    ...(denied ? { hint: 'run the command as a user who may write there, or name another place' } : {}),
    details: { path, errno: errno ?? null },
    cause,
  });
}
