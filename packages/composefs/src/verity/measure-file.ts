import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { SlipwayError } from '@slipway/core';
import { ioError } from '../repository/io-error.ts';
import type { VerityAlgorithm } from './algorithm.ts';
import { type Measurement, measureStream } from './measure.ts';
import { POOL_PAYS_BYTES, VerityPool } from './verity-pool.ts';

/** Large enough that reading costs little beside hashing. */
const PIECE_BYTES = 1024 * 1024;

/**
 * The fs-verity digest of a file, in constant memory; of a large one by several threads.
 *
 * @throws SlipwayError IO_FAILED when it cannot be read, or is no regular file
 */
export async function measureFile(path: string, algorithm: VerityAlgorithm): Promise<Measurement> {
  try {
    // Without O_NONBLOCK, a fifo would keep us waiting for someone to open its other end.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) {
      throw new SlipwayError('IO_FAILED', `cannot measure ${path}: not a regular file`, {
        details: { path },
      });
    }
    if (stats.size >= POOL_PAYS_BYTES && VerityPool.isUseful()) {
      await using pool = new VerityPool();
      const { digest, sizeBytes } = await pool.merkleTree(file.fd, stats.size, algorithm, {
        keepTree: false,
      });
      return { digest, sizeBytes };
    }
    return await measureStream(
      file.createReadStream({ autoClose: false, highWaterMark: PIECE_BYTES }),
      algorithm,
    );
  } catch (cause) {
    throw ioError(`measure ${path}`, path, cause);
  }
}
