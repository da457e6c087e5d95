import { mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, isSlipwayError, makeTempDir, type Operation, SlipwayError } from '@slipway/core';
import { buildDisks } from '@slipway/install';
import { expandReference, type Reference } from '@slipway/oci';
import { makeSshKey, readSshKey, type SshKey, type VmBoot, type VmDisk } from '@slipway/vm';
import { cachePaths } from '../own-files.ts';
import { machineArchitecture } from './architecture.ts';

/** What a machine is to be made of. */
export interface MachineRequest {
  /** A reference or the path of a disk. */
  readonly target: string;
  readonly persist: boolean;
  /** By BIOS instead of UEFI. */
  readonly bios: boolean;
  readonly cache: string | undefined;
}

/** The files a machine runs on, gone with it unless they are to stay. */
export interface MachineFiles extends AsyncDisposable {
  readonly disk: VmDisk;
  readonly boot: VmBoot;
  /** Undefined: a new one. */
  readonly sshKey: SshKey | undefined;
}

/**
 * Finds or makes what a machine needs: a disk is used as it is; an image is turned into one first.
 *
 * @throws SlipwayError USAGE when changes to a disk that is only made for this run should be kept
 */
export async function machineFiles(request: MachineRequest, operation: Operation): Promise<MachineFiles> {
  const { target, persist } = request;
  if (await isDisk(target)) return filesOfDisk(request);
  if (persist) {
    throw new SlipwayError('USAGE', `cannot keep what a machine made from ${target} writes`, {
      hint: 'make a disk with slipway image and run that with --persist',
    });
  }
  return filesOfImage(request, operation);
}

async function filesOfDisk({ target: path, persist, bios }: MachineRequest): Promise<MachineFiles> {
  const format = (await isQcow2(path)) ? 'qcow2' : 'raw';
  const nothing = async (): Promise<void> => undefined;
  if (!persist) {
    const disk: VmDisk = { path, format, changes: { kind: 'discard' } };
    return {
      disk,
      boot: bios ? { kind: 'bios' } : { kind: 'uefi' },
      sshKey: undefined,
      [Symbol.asyncDispose]: nothing,
    };
  }
  // A disk remembers the key of its first boot and the firmware its boot order: both are kept beside it.
  const directory = `${path}.run`;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return {
    disk: { path, format, changes: { kind: 'write' } },
    boot: bios ? { kind: 'bios' } : { kind: 'uefi', variablesPath: join(directory, 'efi-variables') },
    sshKey: await keptKey(directory),
    [Symbol.asyncDispose]: nothing,
  };
}

async function filesOfImage(request: MachineRequest, operation: Operation): Promise<MachineFiles> {
  await using cleanup = new AsyncDisposableStack();
  const directory = cleanup.use(await makeTempDir('run'));
  const { disks } = await buildDisks(
    {
      image: await referenceToRun(request.target, operation),
      architecture: machineArchitecture(),
      types: ['qcow2'],
      outputDirectory: directory.path,
      kernelArguments: [],
      // Whatever the image would rather have: nobody needs to be told.
      rootFileSystem: 'ext4',
      ...cachePaths(process.env, request.cache),
    },
    operation,
  );
  const [disk] = disks;
  if (disk === undefined) throw new Error('no disk was written');
  const kept = cleanup.move();
  return {
    // Nobody else has it: written into, without an overlay in between.
    disk: { path: disk.path, format: 'qcow2', changes: { kind: 'write' } },
    boot: request.bios ? { kind: 'bios' } : { kind: 'uefi' },
    sshKey: undefined,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function referenceToRun(target: string, operation: Operation): Promise<Reference> {
  try {
    return await expandReference(target, operation);
  } catch (cause) {
    if (!isSlipwayError(cause, 'OCI_REFERENCE_INVALID')) throw cause;
    throw new SlipwayError(
      'OCI_REFERENCE_INVALID',
      `cannot run ${JSON.stringify(target)}: there is no such disk, and it is no image reference`,
      { hint: 'name a disk made by slipway image, or an image as oci:DIR:TAG or HOST/NAME:TAG', cause },
    );
  }
}

async function keptKey(directory: string): Promise<SshKey> {
  try {
    return await readSshKey(join(directory, 'ssh-key'));
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw thrown;
    return makeSshKey(directory);
  }
}

async function isDisk(target: string): Promise<boolean> {
  try {
    const found = await stat(target);
    return found.isFile() || found.isBlockDevice();
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return false;
    throw thrown;
  }
}

/** By its first bytes, not by its name. */
async function isQcow2(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString('latin1') === 'QFI\u00fb';
  } finally {
    await file.close();
  }
}
