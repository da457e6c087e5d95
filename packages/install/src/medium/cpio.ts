import { SlipwayError } from '@slipway/core';

/**
 * An archive of one file as a kernel unpacks it into its initramfs: format "newc", documented in the kernel as
 * driver-api/early-userspace/buffer-format. Loaded behind another initramfs it adds its file to that one.
 */
export interface CpioFrame {
  readonly before: Buffer;
  readonly after: Buffer;
}

const MAGIC = '070701';
const REGULAR = 0o100000;
/** Sizes have 8 hexadecimal digits. */
const MOST_BYTES = 2 ** 32 - 1;
const TRAILER = 'TRAILER!!!';

/** What stands around the bytes of the file. @throws SlipwayError DISK_TREE_INVALID when the file is too large */
export function cpioFrame(
  name: string,
  file: { readonly sizeBytes: number; readonly mode: number; readonly timeSec: number },
): CpioFrame {
  if (file.sizeBytes > MOST_BYTES) {
    throw new SlipwayError(
      'DISK_TREE_INVALID',
      `cannot start an image of ${file.sizeBytes} bytes over the network: an initramfs holds files below 4 GiB`,
      { hint: 'make a smaller image, or install it from a medium (--type iso)' },
    );
  }
  const padding = Buffer.alloc((4 - (file.sizeBytes % 4)) % 4);
  return {
    before: header(name, { ...file, mode: REGULAR | file.mode, links: 1, inode: 1 }),
    after: Buffer.concat([
      padding,
      header(TRAILER, { sizeBytes: 0, mode: 0, timeSec: 0, links: 1, inode: 0 }),
      // Some loaders put the next archive right behind this one, which has to begin at a multiple of four.
      Buffer.alloc(512),
    ]),
  };
}

interface HeaderFields {
  readonly sizeBytes: number;
  readonly mode: number;
  readonly timeSec: number;
  readonly links: number;
  readonly inode: number;
}

function header(name: string, { sizeBytes, mode, timeSec, links, inode }: HeaderFields): Buffer {
  const time = Math.min(Math.max(timeSec, 0), MOST_BYTES);
  const nameBytes = name.length + 1;
  const fields = [inode, mode, 0, 0, links, time, sizeBytes, 0, 0, 0, 0, nameBytes, 0];
  const text = MAGIC + fields.map((value) => value.toString(16).padStart(8, '0')).join('') + name;
  const lengthBytes = Math.ceil((text.length + 1) / 4) * 4;
  return Buffer.concat([Buffer.from(text, 'latin1')], lengthBytes);
}
