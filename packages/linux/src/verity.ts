import { errnoOf } from '@slipway/core';
import { addon } from './addon.ts';

/** A hash fs-verity can use. */
export type VerityAlgorithm = 'sha256' | 'sha512';

/** What the kernel verifies every read of a file against. */
export interface VerityMeasurement {
  readonly algorithm: VerityAlgorithm;
  /** The fs-verity file digest: 32 bytes for sha256, 64 for sha512. */
  readonly digest: Buffer;
}

/** Numbers of linux/fsverity.h. */
const ALGORITHM_NUMBER = { sha256: 1, sha512: 2 } as const;

/**
 * Seals an open file with fs-verity: 4096-byte blocks, no salt, no signature. From then on it cannot be written and every
 * read is verified. The kernel builds the tree itself, which reads the whole file.
 *
 * A power cut before it is done leaves an ordinary file; the half-built tree is dropped.
 *
 * @param fd open for reading only, and nobody may have the file open for writing (else ETXTBSY)
 * @throws an Error with `code` EEXIST when it is sealed already, ENOTSUP when the file system or kernel cannot
 * @see Linux Documentation/filesystems/fsverity.rst, FS_IOC_ENABLE_VERITY
 */
export async function enableVerity(fd: number, algorithm: VerityAlgorithm): Promise<void> {
  await addon().verityEnable(fd, ALGORITHM_NUMBER[algorithm]);
}

/**
 * The fs-verity digest of an open file, or undefined when the file is not sealed. Constant time: the kernel knows it.
 *
 * @param fd open for reading
 * @throws an Error with `code` ENOTSUP when the file system or kernel has no fs-verity
 * @see Linux Documentation/filesystems/fsverity.rst, FS_IOC_MEASURE_VERITY
 */
export function measureVerity(fd: number): VerityMeasurement | undefined {
  try {
    const measured = addon().verityMeasure(fd);
    return { algorithm: algorithmOf(measured.algorithm), digest: measured.digest };
  } catch (cause) {
    if (errnoOf(cause) === 'ENODATA') return undefined;
    throw cause;
  }
}

function algorithmOf(number: number): VerityAlgorithm {
  if (number === ALGORITHM_NUMBER.sha256) return 'sha256';
  if (number === ALGORITHM_NUMBER.sha512) return 'sha512';
  throw new Error(`internal error: fs-verity algorithm ${number}`);
}
