import { constants, zstdCompress } from 'node:zlib';
import { openPartialFile } from '../device/partial-file.ts';
import type { DiskTarget } from '../device/writer.ts';
import { checkDiskSize } from './blocks.ts';
import { type PieceFormat, packedDisk, packer } from './packed-disk.ts';
import { SequentialFile } from './sequential-file.ts';

const SECTOR_BYTES = 512;

/**
 * Opens a raw disk packed with zstd for writing: a frame for each MiB, one after another (RFC 8878), as `zstd -d` unpacks them.
 *
 * @throws SlipwayError DISK_NO_SPACE, IO_FAILED; DISK_INVALID when the size is not whole sectors
 */
export async function openRawZstdTarget(path: string, sizeBytes: number): Promise<DiskTarget> {
  checkDiskSize(sizeBytes, SECTOR_BYTES, Number.MAX_SAFE_INTEGER, 'a raw disk');
  return packedDisk(new SequentialFile(await openPartialFile(path)), sizeBytes, FRAMES);
}

const NOTHING = Buffer.alloc(0);

const FRAMES: PieceFormat = {
  begin: NOTHING,
  pack: packer(zstdCompress, {
    params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
  }),
  note: () => undefined,
  end: () => NOTHING,
};
