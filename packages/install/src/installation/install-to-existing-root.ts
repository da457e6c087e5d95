import { readFile } from 'node:fs/promises';
import { messageOf, type OperationOptions, SlipwayError } from '@slipway/core';
import { listBlockDevices } from '../block/list-devices.ts';
import { ownKernelArguments } from '../check-request.ts';
import { existingRoot } from './existing-root.ts';
import { findPlace, refusePlace } from './found-place.ts';
import type { InstallRecord } from './install-to-disk.ts';
import { installToPlace, planFilesystem, refuseStorage } from './install-to-filesystem.ts';
import type { ExistingRootInstallRequest } from './request.ts';

const ALONGSIDE = { replace: 'alongside', skipsFinalize: true } as const;

/**
 * Puts a host into the root of a system that runs, beside its files, and takes over its boot partition.
 *
 * The boot partition is emptied when everything else is on the disk: before that the machine starts as it did. A power cut between
 * that and the boot entry, the last thing written, leaves a machine that does not start by itself.
 *
 * @throws SlipwayError DISK_UNSUITABLE, DISK_NOT_EMPTY, DISK_TOO_SMALL, IMAGE_LACKS_STORAGE, TARGET_UNREACHABLE, USAGE unless the
 *   destruction is acknowledged, what preparing a host throws; IO_FAILED, DISK_NO_SPACE
 */
export async function installToExistingRoot(
  request: ExistingRootInstallRequest,
  { dryRun, ...options }: OperationOptions & { readonly dryRun: boolean },
): Promise<InstallRecord> {
  ownKernelArguments(request);
  refuseStorage(request);
  if (!request.acknowledgesDestruction && !dryRun) {
    throw new SlipwayError('USAGE', 'cannot take over this machine: that cannot be undone', {
      hint: 'look at it with --dry-run, then give --acknowledge-destructive',
    });
  }
  const place = await findPlace(request.path, options);
  refusePlace(place, { path: request.path, replace: 'alongside', acknowledgesDestruction: true });
  const devices = await listBlockDevices(options);
  const root = existingRoot(place, await runningCommandLine(), devices, request.kernelArguments);
  const steps = planFilesystem(place, ALONGSIDE);
  return await installToPlace(
    request,
    { ...root, place, steps, extras: [], checksRoom: true },
    { ...options, dryRun },
  );
}

async function runningCommandLine(): Promise<string> {
  try {
    return await readFile('/proc/cmdline', 'utf8');
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot read how this system was started: ${messageOf(cause)}`, {
      cause,
    });
  }
}
