import { mkdir, open } from 'node:fs/promises';
import { lockFile } from '@slipway/linux';
import { CACHE } from './slipway.ts';

/**
 * Does something that only one process may do at a time, such as making what several tests boot: two files of tests run beside each
 * other. The lock is the kernel's, so a process that is killed leaves nothing locked.
 *
 * @param name of the lock, a file name
 */
export async function exclusively<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  await mkdir(CACHE, { recursive: true });
  await using file = await open(`${CACHE}/${name}.lock`, 'w');
  await lockFile(file.fd, 'exclusive');
  return await work();
}
