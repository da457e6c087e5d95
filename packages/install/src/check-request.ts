import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type KernelCommandLine, parseKernelCommandLine } from '@slipway/boot';
import { errnoOf, messageOf, SlipwayError, systemRefusal } from '@slipway/core';
import { diskFormat } from './formats.ts';
import { type DiskRequest, type HostRequest, isDiskFormat } from './request.ts';
import { askedRootFileSystem } from './root-volume/choose.ts';
import { requireMaker } from './root-volume/maker.ts';

/** The smallest unit every disk is made of. */
const SECTOR_BYTES = 512;

/**
 * Refuses what needs no image to be refused, before anything is fetched or written.
 *
 * @throws SlipwayError KERNEL_ARGUMENT_INVALID, DISK_INVALID, CONFIG_INVALID, TOOL_MISSING, IO_FAILED
 */
export async function checkRequest(request: DiskRequest): Promise<void> {
  ownKernelArguments(request);
  checkDiskSize(request);
  const fileSystem = askedRootFileSystem(request);
  if (fileSystem !== undefined && request.types.some(isDiskFormat)) await requireMaker(fileSystem);
  await checkOutputDirectory(request.outputDirectory);
}

function checkDiskSize(request: DiskRequest): void {
  const { diskSizeBytes, types } = request;
  if (diskSizeBytes === undefined) return;
  if (diskSizeBytes % SECTOR_BYTES !== 0) {
    throw new SlipwayError('DISK_INVALID', `cannot make a disk of ${diskSizeBytes} bytes`, {
      hint: `give a multiple of ${SECTOR_BYTES} bytes, such as 10G`,
      details: { diskSizeBytes },
    });
  }
  for (const type of types.filter(isDiskFormat)) {
    const { unitBytes } = diskFormat(type, request);
    if (diskSizeBytes % unitBytes === 0) continue;
    const unit = unitBytes === 1024 ** 3 ? 'GiB' : 'MiB';
    throw new SlipwayError(
      'DISK_INVALID',
      `cannot make a disk of ${diskSizeBytes} bytes for ${type}: it takes whole ${unit}`,
      {
        hint: 'give a size such as 10G',
        details: { type, diskSizeBytes, unitBytes },
      },
    );
  }
}

/**
 * The kernel arguments asked for, in order.
 *
 * @throws SlipwayError KERNEL_ARGUMENT_INVALID for one that does not parse, says nothing, or would select another deployment
 */
export function ownKernelArguments(request: HostRequest): KernelCommandLine {
  const configured = request.config?.config.customizations?.kernel?.append;
  // After those of the configuration: whoever types one here means it.
  return [...(configured === undefined ? [] : [configured]), ...request.kernelArguments].flatMap((text) => {
    const parsed = parseKernelCommandLine(text);
    if (parsed.length === 0) throw invalid(text, 'it is empty');
    if (parsed.some(({ key }) => key === 'composefs')) {
      throw invalid(text, 'it selects the deployment, which is the image of this disk');
    }
    return parsed;
  });
}

function invalid(text: string, why: string): SlipwayError {
  return new SlipwayError('KERNEL_ARGUMENT_INVALID', `cannot use the kernel argument '${text}': ${why}`, {
    hint: 'write key or key=value; leave it out to boot with the arguments of the image',
    details: { argument: text },
  });
}

/** The directory, or the nearest above it that is there, must take new files. */
async function checkOutputDirectory(path: string): Promise<void> {
  for (let at = resolve(path); ; at = dirname(at)) {
    const found = await find(at, path);
    if (found === undefined && dirname(at) !== at) continue;
    if (found?.isDirectory() !== true) throw unusable(path, `${at} is not a directory`);
    try {
      await access(at, constants.W_OK | constants.X_OK);
    } catch (cause) {
      throw unusable(path, `${at} cannot be written to: ${systemRefusal(cause)?.meaning}`, cause);
    }
    return;
  }
}

async function find(at: string, path: string): Promise<{ isDirectory(): boolean } | undefined> {
  try {
    return await stat(at);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return undefined;
    throw unusable(path, messageOf(cause), cause);
  }
}

function unusable(path: string, why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('IO_FAILED', `cannot write disks to ${path}: ${why}`, {
    hint: 'name a directory this user may write to; it is made when it is not there',
    details: { path },
    cause,
  });
}
