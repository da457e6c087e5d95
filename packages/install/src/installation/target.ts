import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, type OperationOptions, SlipwayError } from '@slipway/core';
import { type BlockDevice, emptyDisk, SECTOR_BYTES } from '../block/block-device.ts';
import { findSignatures, type Signature } from '../block/find-signatures.ts';
import { contentsOf, guardDisk, requireDisk } from '../block/guard-disk.ts';
import { listBlockDevices } from '../block/list-devices.ts';

/** Where an installation goes, as it was found. */
export type InstallTarget =
  | {
      readonly kind: 'device';
      readonly path: string;
      readonly sizeBytes: number;
      readonly disk: BlockDevice;
      readonly signatures: readonly Signature[];
    }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly sizeBytes: number;
      readonly signatures: readonly Signature[];
    };

/** What is said about a target. */
export interface TargetRequest {
  readonly device: string;
  readonly isFile: boolean;
  readonly mayWipe: boolean;
}

/**
 * Looks at the disk and refuses one that must not be written. Nothing is written.
 *
 * @throws SlipwayError DISK_NOT_FOUND, DISK_UNSUITABLE, DISK_IN_USE, DISK_NOT_EMPTY
 */
export async function findTarget(request: TargetRequest, options: OperationOptions): Promise<InstallTarget> {
  const path = await realPath(request.device);
  const { isBlock, isRegular, sizeBytes } = await kindOf(path);
  if (request.isFile) {
    if (!isRegular) throw unsuitable(path, 'it is not a file', 'leave --via-loopback out for a disk');
    return await fileTarget(path, sizeBytes, request, options);
  }
  if (isRegular)
    throw unsuitable(path, 'it is a file, not a disk', 'give --via-loopback to write a disk into a file');
  if (!isBlock) throw unsuitable(path, 'it is not a block device', 'name a disk such as /dev/vda');
  const disk = requireDisk(await listBlockDevices(options), path);
  guardDisk(disk, [], { mayWipe: true });
  requireRoot(path);
  const signatures = await findSignatures(path, options);
  guardDisk(disk, signatures, request);
  return { kind: 'device', path, sizeBytes: disk.sizeBytes, disk, signatures };
}

async function fileTarget(
  path: string,
  sizeBytes: number,
  { mayWipe }: TargetRequest,
  options: OperationOptions,
): Promise<InstallTarget> {
  if (sizeBytes === 0 || sizeBytes % SECTOR_BYTES !== 0) {
    throw unsuitable(
      path,
      `it has ${sizeBytes} bytes`,
      'give it the size of a disk first: truncate --size 10G FILE',
    );
  }
  const loop = await loopOf(path);
  if (loop !== undefined) {
    throw new SlipwayError('DISK_IN_USE', `cannot install to ${path}: it is attached to ${loop}`, {
      hint: `detach it: losetup --detach ${loop}, or install to ${loop}`,
      details: { path, loop },
    });
  }
  const signatures = await findSignatures(path, options);
  const contents = contentsOf(emptyDisk(path, sizeBytes), signatures);
  if (contents.length > 0 && !mayWipe) {
    throw new SlipwayError('DISK_NOT_EMPTY', `cannot install to ${path}: it is not empty`, {
      findings: contents,
      hint: 'to erase everything in it give --wipe',
      details: { path },
    });
  }
  return { kind: 'file', path, sizeBytes, signatures };
}

/** Links such as those in /dev/disk/by-id name a disk well. @throws SlipwayError DISK_NOT_FOUND */
export async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT')
      throw new SlipwayError('IO_FAILED', `cannot look at ${path}: ${messageOf(cause)}`, { cause });
    throw new SlipwayError('DISK_NOT_FOUND', `cannot install to ${path}: there is no such file or device`, {
      hint: 'lsblk lists the disks of this machine; for a file of its own: truncate --size 10G FILE, then --via-loopback',
      details: { path },
    });
  }
}

async function kindOf(
  path: string,
): Promise<{ readonly isBlock: boolean; readonly isRegular: boolean; readonly sizeBytes: number }> {
  const found = await stat(path);
  return { isBlock: found.isBlockDevice(), isRegular: found.isFile(), sizeBytes: found.size };
}

/** The loop device a file is attached to. */
async function loopOf(path: string): Promise<string | undefined> {
  const names = await readdir('/sys/block').catch(() => []);
  for (const name of names.filter((each) => each.startsWith('loop'))) {
    const backing = await readFile(join('/sys/block', name, 'loop/backing_file'), 'utf8').catch(() => '');
    if (backing.trimEnd() === path) return `/dev/${name}`;
  }
  return undefined;
}

function unsuitable(path: string, why: string, hint: string): SlipwayError {
  return new SlipwayError('DISK_UNSUITABLE', `cannot install to ${path}: ${why}`, {
    hint,
    details: { path },
  });
}

function requireRoot(path: string): void {
  if (process.getuid?.() === 0) return;
  throw new SlipwayError('NOT_ROOT', `cannot install to ${path}: not root`, {
    hint: 'run it as root (sudo), or write a disk into a file: --via-loopback FILE',
    details: { path },
  });
}
