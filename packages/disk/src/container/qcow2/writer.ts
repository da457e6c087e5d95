import { SlipwayError } from '@slipway/core';
import { openPartialFile } from '../../device/partial-file.ts';
import type { DiskTarget } from '../../device/writer.ts';
import { blockStream } from '../blocks.ts';
import { clusterPacker, type Qcow2Compression } from './compression.ts';
import { CLUSTER_BYTES, SECTOR_BYTES } from './format.ts';
import { Qcow2HostFile } from './host-file.ts';

/** How to write a qcow2 image. */
export interface Qcow2Options {
  /** zstd where absent. */
  readonly compression?: Qcow2Compression;
}

/**
 * Opens a qcow2 image of a disk of `sizeBytes` for writing. It is written once, front to back, without a raw disk in
 * between; clusters of zeros take no room.
 *
 * @throws SlipwayError DISK_NO_SPACE, IO_FAILED; DISK_INVALID when the size is not whole sectors
 */
export async function openQcow2Target(
  path: string,
  sizeBytes: number,
  options: Qcow2Options = {},
): Promise<DiskTarget> {
  if (!Number.isSafeInteger(sizeBytes / SECTOR_BYTES)) {
    throw new SlipwayError('DISK_INVALID', `cannot make a disk of ${sizeBytes} bytes: not whole sectors`);
  }
  const { compression = 'zstd' } = options;
  const packer = clusterPacker(compression);
  const host = new Qcow2HostFile(await openPartialFile(path), sizeBytes);
  const blocks = blockStream({
    sizeBytes,
    blockBytes: CLUSTER_BYTES,
    ...(packer === undefined ? {} : { pack: (cluster) => packer.pack(cluster) }),
    async place(index, packed, plain) {
      // A plain cluster waits for its place; its bytes are used again meanwhile.
      if (packed.length >= CLUSTER_BYTES) await host.addPlain(index, Buffer.from(plain));
      else await host.addPacked(index, packed);
    },
  });
  return {
    sizeBytes,
    write: (offsetBytes, bytes) => blocks.write(offsetBytes, bytes),
    async finish() {
      await blocks.end();
      await host.finish(sizeBytes, compression);
    },
    async [Symbol.asyncDispose]() {
      packer?.close();
      await host.dispose();
    },
  };
}
