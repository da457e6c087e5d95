import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf, messageOf, SlipwayError } from '@slipway/core';
import { coalescingWriter } from './coalescing.ts';
import type { DiskTarget } from './writer.ts';

/**
 * Opens a disk that is there for writing: a block device, or a file written in place.
 *
 * What is not written keeps what it holds: whoever writes a file system clears its place first. Of a block device the kernel hands
 * out one exclusive handle only, and none while a partition of it is mounted or belongs to something: a last guard, and a lock.
 *
 * A power cut in the middle leaves a disk whose partition table is there and whose file systems are not: it does not boot, and
 * installing again begins anew.
 *
 * @throws SlipwayError DISK_IN_USE when somebody uses it, IO_FAILED
 */
export async function openDeviceTarget(path: string, sizeBytes: number): Promise<DiskTarget> {
  const handle = await open(path, constants.O_RDWR | constants.O_EXCL).catch((cause: unknown) => {
    throw refusedOpen(path, cause);
  });
  const writer = coalescingWriter((offsetBytes, bytes) => writeFully(handle, path, offsetBytes, bytes));
  let isOpen = true;
  return {
    sizeBytes,
    write: (offsetBytes, bytes) => writer.write(offsetBytes, bytes),
    async finish() {
      await writer.flush();
      await attempt(path, () => handle.sync());
      isOpen = false;
      await attempt(path, () => handle.close());
    },
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      isOpen = false;
      // A write may still be in flight; its outcome no longer matters.
      await writer.flush().catch(() => undefined);
      await handle.close().catch(() => undefined);
    },
  };
}

function refusedOpen(path: string, cause: unknown): SlipwayError {
  if (errnoOf(cause) === 'EBUSY') {
    return new SlipwayError('DISK_IN_USE', `cannot write ${path}: the kernel says it is in use`, {
      hint: 'unmount what is mounted from it and stop what is made of it, also in other mount namespaces and containers',
      details: { path },
      cause,
    });
  }
  return new SlipwayError('IO_FAILED', `cannot open ${path} for writing: ${messageOf(cause)}`, { cause });
}

async function writeFully(
  handle: FileHandle,
  path: string,
  offsetBytes: number,
  bytes: Uint8Array,
): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await attempt(path, () =>
      handle.write(bytes, done, bytes.length - done, offsetBytes + done),
    );
    done += bytesWritten;
  }
}

async function attempt<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot write ${path}: ${messageOf(cause)}`, {
      hint: 'the disk does not boot now: look into the kernel log for what is wrong with it, and install again',
      cause,
    });
  }
}
