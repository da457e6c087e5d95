import { access, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { run, SlipwayError } from '@slipway/core';
import type { PlannedDisk } from './plan-qemu.ts';

/** A disk of a machine. */
export interface VmDisk {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  /**
   * Where the guest's changes go: into the disk itself; nowhere (`discard`, the default: the file is not touched); or into an
   * overlay at a path, made when it is not there and used again when it is.
   */
  readonly changes?:
    | { readonly kind: 'write' | 'discard' }
    | { readonly kind: 'overlay'; readonly path: string };
  /** Grows the disk the guest sees; only with changes that go elsewhere than the disk itself. */
  readonly sizeBytes?: number;
  /**
   * Records every write, discard and flush of the guest in this file, in order and with their data, for whoever wants the disk as it
   * was at any of these moments: dm-log-writes of Linux describes the format. An earlier record there is lost.
   */
  readonly writeLogPath?: string;
  /** A disc in a CD drive instead, of 2048-byte sectors, which only reads; nothing of the above but its path and format applies. */
  readonly isDisc?: boolean;
}

/**
 * Makes the overlays a disk needs and says what QEMU shall open.
 *
 * @param directory where overlays that are thrown away may stand
 * @throws SlipwayError VM_FAILED when the disk is not there, USAGE when it cannot grow, TOOL_FAILED, TOOL_MISSING
 */
export async function prepareDisk(disk: VmDisk, index: number, directory: string): Promise<PlannedDisk> {
  const planned = await prepareChanges(disk, index, directory);
  const { writeLogPath } = disk;
  if (writeLogPath === undefined) return planned;
  // QEMU opens the file, it does not make it.
  await writeFile(writeLogPath, '');
  return { ...planned, writeLogPath };
}

async function prepareChanges(disk: VmDisk, index: number, directory: string): Promise<PlannedDisk> {
  const changes = disk.changes ?? { kind: 'discard' };
  await refuseMissing(disk.path);
  if (disk.isDisc === true) return { path: disk.path, format: disk.format, isReadOnly: true, isDisc: true };
  if (changes.kind === 'write') {
    if (disk.sizeBytes !== undefined) {
      throw new SlipwayError('USAGE', `cannot grow ${disk.path} while the guest writes into it`, {
        hint: 'send the changes to an overlay, or grow the file first',
      });
    }
    return { path: disk.path, format: disk.format, isReadOnly: false };
  }
  const overlay = changes.kind === 'overlay' ? changes.path : join(directory, `disk${index}.qcow2`);
  const exists = changes.kind === 'overlay' && (await isThere(overlay));
  if (!exists) await makeOverlay(disk, overlay);
  return { path: overlay, format: 'qcow2', isReadOnly: false };
}

async function makeOverlay(disk: VmDisk, overlay: string): Promise<void> {
  const size = disk.sizeBytes === undefined ? [] : [String(disk.sizeBytes)];
  const options = ['-q', '-f', 'qcow2', '-F', disk.format, '-b', baseName(disk.path, overlay)];
  await run(['qemu-img', 'create', ...options, overlay, ...size], {
    describe: `make an overlay of ${disk.path}`,
    debianPackage: 'qemu-utils',
  });
}

/** An overlay names its base as it will be found: beside it by name, so that both can move together, else by full path. */
function baseName(base: string, overlay: string): string {
  const [basePath, overlayPath] = [resolve(base), resolve(overlay)];
  return dirname(basePath) === dirname(overlayPath) ? basename(basePath) : basePath;
}

async function refuseMissing(path: string): Promise<void> {
  try {
    await access(path);
  } catch (cause) {
    throw new SlipwayError('VM_FAILED', `cannot start the virtual machine: there is no disk ${path}`, {
      cause,
    });
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
