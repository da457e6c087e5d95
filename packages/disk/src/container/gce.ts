import { openPartialFile } from '../device/partial-file.ts';
import type { DiskTarget } from '../device/writer.ts';
import { checkDiskSize } from './blocks.ts';
import { gzipPieces } from './gzip.ts';
import type { ContainerIdentity } from './identity.ts';
import { packedDisk } from './packed-disk.ts';
import { SequentialFile } from './sequential-file.ts';
import { tarEnd, tarFileHeader } from './tar-member.ts';

/** Google Compute Engine takes no other sizes. */
const UNIT_BYTES = 1024 ** 3;

/**
 * Opens the archive Google Compute Engine imports for writing: `disk.raw` in a tar of the old GNU format, without holes, in gzip.
 *
 * @throws SlipwayError DISK_NO_SPACE, IO_FAILED; DISK_INVALID when the size is not whole GiB
 */
export async function openGceTarget(
  path: string,
  sizeBytes: number,
  { timeSec }: ContainerIdentity,
): Promise<DiskTarget> {
  checkGceSize(sizeBytes);
  const before = tarFileHeader('gnu', 'disk.raw', sizeBytes, timeSec);
  const after = tarEnd(before.length + sizeBytes);
  const file = new SequentialFile(await openPartialFile(path));
  return packedDisk(file, sizeBytes, gzipPieces(), { before, after });
}

/** @throws SlipwayError DISK_INVALID */
export function checkGceSize(sizeBytes: number): void {
  checkDiskSize(sizeBytes, UNIT_BYTES, Number.MAX_SAFE_INTEGER, 'an image of Google Compute Engine');
}
