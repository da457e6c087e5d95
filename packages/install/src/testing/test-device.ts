import type { BlockDevice } from '../block/block-device.ts';
import { emptyDisk } from '../block/block-device.ts';

/** A device as lsblk might tell of it: a disk of 1 GiB with nothing on it, but for what is said. */
export function testDevice(path: string, more: Partial<BlockDevice> = {}): BlockDevice {
  return { ...emptyDisk(path, 1024 ** 3), ...more };
}
