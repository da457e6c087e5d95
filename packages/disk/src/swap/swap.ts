import { SlipwayError } from '@slipway/core';
import type { DiskWriter } from '../device/writer.ts';
import { uuidBytes } from '../uuid.ts';

/** A swap area as swapon(8) knows it, version 1, with pages of 4096 bytes (every machine we write disks for has these). */
const PAGE_BYTES = 4096;
const SIGNATURE = 'SWAPSPACE2';
/** Offsets in the first page: 1024 bytes for boot code, then the header. */
const HEADER = { version: 1024, lastPage: 1028, badPages: 1032, uuid: 1036, label: 1052 } as const;
const LABEL_BYTES = 16;
/** What mkswap(8) refuses too: a swap area of fewer pages holds nothing. */
const LEAST_PAGES = 10;

/** What a swap area is to be. */
export interface SwapOptions {
  readonly uuid: string;
  /** At most 16 bytes of UTF-8. */
  readonly label?: string;
  readonly sizeBytes: number;
}

/**
 * Writes a swap area: one page; all others may hold anything.
 *
 * @throws SlipwayError DISK_TOO_SMALL, DISK_NAME_INVALID
 */
export async function writeSwap(target: DiskWriter, options: SwapOptions): Promise<void> {
  const pages = Math.min(Math.floor(options.sizeBytes / PAGE_BYTES), 0xffff_ffff);
  if (pages < LEAST_PAGES) {
    throw new SlipwayError(
      'DISK_TOO_SMALL',
      `cannot make a swap area of ${options.sizeBytes} bytes: too small`,
    );
  }
  const label = Buffer.from(options.label ?? '');
  if (label.length > LABEL_BYTES) {
    throw new SlipwayError(
      'DISK_NAME_INVALID',
      `cannot name a swap area ${options.label}: a label has at most ${LABEL_BYTES} bytes`,
    );
  }
  const page = Buffer.alloc(PAGE_BYTES);
  page.writeUInt32LE(1, HEADER.version);
  page.writeUInt32LE(pages - 1, HEADER.lastPage);
  page.set(uuidBytes(options.uuid), HEADER.uuid);
  page.set(label, HEADER.label);
  page.write(SIGNATURE, PAGE_BYTES - SIGNATURE.length, 'latin1');
  await target.write(0, page);
}
