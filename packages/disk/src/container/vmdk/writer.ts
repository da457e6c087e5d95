import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { openPartialFile } from '../../device/partial-file.ts';
import type { DiskTarget } from '../../device/writer.ts';
import { type BlockStream, blockStream, checkDiskSize } from '../blocks.ts';
import type { ContainerIdentity } from '../identity.ts';
import { type ByteSink, SequentialFile } from '../sequential-file.ts';
import { GRAIN_BYTES, MOST_BYTES, SECTOR_BYTES } from './format.ts';
import { VmdkStream } from './stream.ts';

const packGrain: (grain: Buffer) => Promise<Buffer> = promisify<Buffer, Buffer>(deflate);

/**
 * Opens a stream-optimized VMDK of a disk of `sizeBytes` for writing, the kind VMware and VirtualBox import. It is written
 * once, front to back; grains of zeros take no room.
 *
 * @throws SlipwayError DISK_NO_SPACE, IO_FAILED; DISK_INVALID when the size is not whole sectors or above 2 TiB
 */
export async function openVmdkTarget(
  path: string,
  sizeBytes: number,
  identity: ContainerIdentity,
): Promise<DiskTarget> {
  checkVmdkSize(sizeBytes);
  const file = new SequentialFile(await openPartialFile(path));
  const disk = vmdkInto(file, sizeBytes, identity);
  return {
    sizeBytes,
    write: (offsetBytes, bytes) => disk.write(offsetBytes, bytes),
    async finish() {
      await disk.end();
      await file.finish();
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** @throws SlipwayError DISK_INVALID */
export function checkVmdkSize(sizeBytes: number): void {
  checkDiskSize(sizeBytes, SECTOR_BYTES, MOST_BYTES, 'VMDK');
}

/** A VMDK that is appended to whatever there is. */
export function vmdkInto(sink: ByteSink, sizeBytes: number, identity: ContainerIdentity): BlockStream {
  const stream = new VmdkStream(sink, sizeBytes);
  const blocks = blockStream({
    sizeBytes,
    blockBytes: GRAIN_BYTES,
    pack: packGrain,
    place: (index, packed) => stream.add(index, packed),
  });
  let begun: Promise<void> | undefined;
  const begin = (): Promise<void> => (begun ??= stream.begin(identity));
  return {
    async write(offsetBytes, bytes) {
      await begin();
      await blocks.write(offsetBytes, bytes);
    },
    async end() {
      await begin();
      await blocks.end();
      await stream.end();
    },
  };
}
