/** Whether files can be sealed by fs-verity where a store is. */
import { closeSync, constants, openSync } from 'node:fs';
import { errnoOf, SlipwayError } from '@slipway/core';
import { measureVerity } from '@slipway/linux';

/** Whether objects are being sealed by the kernel: `unknown` until the first one was tried. */
export type SealingState = 'unknown' | 'sealed' | 'unavailable' | 'off';

/**
 * Asks the kernel by a question that changes nothing, about a file that is there.
 *
 * The file is opened for reading: kernels from late 2026 on tell nothing of a file that is open for writing only (EBADF).
 */
export function canSeal(path: string): boolean {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    measureVerity(fd);
    return true;
  } catch (cause) {
    if (isUnsupportedSeal(cause)) return false;
    throw cause;
  } finally {
    closeSync(fd);
  }
}

/** The kernel or the file system has no fs-verity. */
export function isUnsupportedSeal(cause: unknown): boolean {
  const errno = errnoOf(cause);
  return errno === 'ENOTSUP' || errno === 'EOPNOTSUPP' || errno === 'ENOTTY';
}

/** What a store that must seal says where it cannot. */
export function verityUnavailable(path: string, cause?: unknown): SlipwayError {
  return new SlipwayError(
    'VERITY_UNAVAILABLE',
    `cannot seal objects in ${path}: its file system has no fs-verity`,
    {
      hint: 'on ext4: tune2fs -O verity DEVICE; or make the store with verity "try"',
      details: { path },
      cause,
    },
  );
}
