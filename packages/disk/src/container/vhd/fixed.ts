import type { DiskTarget } from '../../device/writer.ts';
import { checkDiskSize } from '../blocks.ts';
import type { ContainerIdentity } from '../identity.ts';
import { openRawTarget } from '../raw.ts';
import { encodeFooter } from './footer.ts';
import { FOOTER_BYTES, MOST_BYTES } from './format.ts';

/** Azure takes no other sizes. */
const UNIT_BYTES = 1024 * 1024;

/**
 * Opens a fixed VHD of a disk of `sizeBytes` for writing, the kind Azure takes: the disk as it is, and a footer. What is not
 * written is a hole of the file.
 *
 * @throws SlipwayError DISK_NO_SPACE, IO_FAILED; DISK_INVALID when the size is not whole MiB or above 2040 GiB
 */
export async function openFixedVhdTarget(
  path: string,
  sizeBytes: number,
  identity: ContainerIdentity,
): Promise<DiskTarget> {
  checkFixedVhdSize(sizeBytes);
  const file = await openRawTarget(path, sizeBytes + FOOTER_BYTES);
  return {
    sizeBytes,
    write: (offsetBytes, bytes) => file.write(offsetBytes, bytes),
    async finish() {
      await file.write(sizeBytes, encodeFooter('fixed', sizeBytes, identity));
      await file.finish();
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** @throws SlipwayError DISK_INVALID */
export function checkFixedVhdSize(sizeBytes: number): void {
  checkDiskSize(sizeBytes, UNIT_BYTES, MOST_BYTES, 'a fixed VHD');
}
