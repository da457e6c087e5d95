import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ImportedImage } from '@slipway/composefs';
import { messageOf, type OperationOptions, operation, SlipwayError } from '@slipway/core';
import { type DiskTarget, type IsoPlan, teeTarget } from '@slipway/disk';
import type { DeploymentTrust } from '@slipway/host';
import { releaseMemory } from '@slipway/linux';
import { formatReference, type ImageSource, openImage, type ResolvedImage } from '@slipway/oci';
import { checkRequest } from './check-request.ts';
import { sha256OfFile, writeChecksums } from './checksums.ts';
import { findKnownDisks, inputDigest, type KnownDisks, rememberDisks } from './disk-cache.ts';
import { type DiskPlan, planDisk } from './disk-plan.ts';
import type { FirstDeployment } from './first-deployment.ts';
import { diskFormat } from './formats.ts';
import { requireStorage } from './installation/image-storage.ts';
import { type FoundPayload, findPayloads, preparePayloads } from './medium/payload.ts';
import { planLiveIso, writeLiveIso } from './medium/write-iso.ts';
import { PXE_FILES, type PxePlan, planPxe, writePxe } from './medium/write-pxe.ts';
import { findImage, type PreparedHost, prepareHost } from './prepare-host.ts';
import {
  type DiskFormatName,
  type DiskRecord,
  type DiskRequest,
  type DiskType,
  isDiskFormat,
  type WrittenDisk,
  type WrittenRoot,
} from './request.ts';
import { canCarrySeals } from './root-volume/choose.ts';
import { requireMaker } from './root-volume/maker.ts';
import { writeDisk } from './write-disk.ts';

const ISO_FILE = 'install.iso';
const PXE_DIRECTORY = 'pxe';

/**
 * Turns an image into bootable disks: check, fetch, check, lay out, write. Needs no root, no mount, and no other program where the root is
 * ext4.
 *
 * Nothing is written to the output directory before everything that can be decided is decided; a disk stands under its name
 * only when it is complete. The same request gives the same bytes, and is answered at once while they are there.
 *
 * @throws SlipwayError SIGNATURE_REFUSED, and what {@link checkRequest}, {@link firstDeployment}, {@link planDisk} and the transports throw; IO_FAILED, DISK_NO_SPACE,
 *   TOOL_MISSING, TOOL_FAILED, IMAGE_LACKS_STORAGE
 */
export async function buildDisks(request: DiskRequest, options: OperationOptions = {}): Promise<DiskRecord> {
  await checkRequest(request);
  await using opened = new AsyncDisposableStack();
  const source = opened.use(openImage(request.image));
  const found = await findImage(source, request, options);
  const payloads = await findPayloads(request, opened, options);
  const digest = inputDigest(request, found.image, found.trust, payloads);
  const known = await findKnownDisks(request, digest);
  const record =
    wholeRecord(request, known) ??
    (await makeDisks(request, { ...found, source, payloads, digest, known }, options));
  if (request.checksums === true) await writeChecksums(request.outputDirectory, record.disks);
  return record;
}

/** What there is to make disks of. */
interface Ingredients {
  readonly source: ImageSource;
  readonly image: ResolvedImage;
  readonly trust: DeploymentTrust | undefined;
  readonly payloads: readonly FoundPayload[];
  readonly digest: string;
  readonly known: KnownDisks | undefined;
}

/** The answer to a request all disks of which are there. */
function wholeRecord({ types }: DiskRequest, known: KnownDisks | undefined): DiskRecord | undefined {
  if (known === undefined || types.some((type) => !known.disks.has(type))) return undefined;
  return { ...known.record, disks: inOrder(types, known.disks) };
}

async function makeDisks(
  request: DiskRequest,
  ingredients: Ingredients,
  options: OperationOptions,
): Promise<DiskRecord> {
  // Held until the disk is written: garbage collection in another process must not take what we read.
  await using held = new AsyncDisposableStack();
  const plans = await planDisks(request, ingredients, held, options);
  // The tree of the image is gone by now; its memory should be, too.
  releaseMemory();
  await makeOutputDirectory(request.outputDirectory);
  const { disk, iso, pxe } = plans;
  const disks = new Map([
    ...(ingredients.known?.disks ?? []),
    ...(disk === undefined ? [] : await writeDisks(disk, plans, request, options)),
    ...(iso === undefined ? [] : await writeIso(iso, request, options)),
    ...(pxe === undefined ? [] : await writePxeDirectory(pxe, request, options)),
  ]);
  const { record } = plans;
  await rememberDisks(request, { ...record, disks: [...disks.values()] }, operation(options));
  return { ...record, disks: inOrder(request.types, disks) };
}

/** What is to be written, all of it decided. */
interface DiskPlans {
  readonly deployment: FirstDeployment;
  /** Formats of disks that are not there yet. */
  readonly formats: readonly DiskFormatName[];
  readonly disk: DiskPlan | undefined;
  readonly iso: IsoPlan | undefined;
  readonly pxe: PxePlan | undefined;
  /** What will be said of it. */
  readonly record: DiskRecord;
}

/** Fetches the image and plans everything. Of a disk alone, nothing is left of the tree of the image afterwards. */
async function planDisks(
  request: DiskRequest,
  { source, image, trust, payloads, digest, known }: Ingredients,
  held: AsyncDisposableStack,
  options: OperationOptions,
): Promise<DiskPlans> {
  const hasDisk = request.types.some(isDiskFormat);
  // Of media alone nobody asks what the root of a disk would be.
  const wanted = hasDisk ? request : { ...request, rootFileSystem: 'ext4' as const };
  const host = await prepareHost(source, { image, trust }, wanted, options);
  const { repository, imported, deployment, setup, [Symbol.asyncDispose]: release } = host;
  held.defer(release);
  const missing = [...new Set(request.types)].filter((type) => known?.disks.has(type) !== true);
  const formats = missing.filter(isDiskFormat);
  if (hasDisk) await readyRoot(host, options);
  const disk = formats.length === 0 ? undefined : planDisk(repository, imported, deployment, request, setup);
  const others = missing.every(isDiskFormat) ? [] : await preparePayloads(payloads, request, held, options);
  const live = { host, image, payloads: others };
  const iso = missing.includes('iso') ? await planLiveIso(live, request) : undefined;
  const pxe = missing.includes('pxe') ? planPxe(live, request) : undefined;
  const record = recordOf(request, imported, deployment, digest);
  return { deployment, formats, disk, iso, pxe, record };
}

/** Asks before anything is written whether the root can be made here, and whether the image starts from it. */
async function readyRoot(host: PreparedHost, options: OperationOptions): Promise<void> {
  const { rootFileSystem: fileSystem = 'ext4' } = host.deployment;
  if (fileSystem === 'ext4') return;
  await requireMaker(fileSystem, options);
  await requireStorage(host, new Set([fileSystem]));
  operation(options).log.warn(
    `files in a root of ${fileSystem} that is made like this are not sealed with fs-verity: reading them checks nothing`,
  );
}

function inOrder(
  types: readonly DiskType[],
  disks: ReadonlyMap<DiskType, WrittenDisk>,
): readonly WrittenDisk[] {
  return [...new Set(types)].flatMap((type) => disks.get(type) ?? []);
}

/** Writes those that are not there yet, all in one pass. A power cut or an error leaves at most files with other names. */
async function writeDisks(
  plan: DiskPlan,
  { deployment, formats }: Pick<DiskPlans, 'deployment' | 'formats'>,
  request: DiskRequest,
  options: OperationOptions,
): Promise<ReadonlyMap<DiskType, WrittenDisk>> {
  const wanted = formats.map((type) => {
    const format = diskFormat(type, request);
    return { type, format, path: join(request.outputDirectory, format.fileName) };
  });
  await using opened = new AsyncDisposableStack();
  const { sizeBytes } = plan.layout;
  const identity = { seed: deployment.id, timeSec: deployment.timeSec };
  const machine = { name: deployment.title, architecture: request.architecture };
  const targets: DiskTarget[] = [];
  for (const { format, path } of wanted) {
    targets.push(opened.use(await format.open(path, sizeBytes, identity, machine)));
  }
  const task = `write ${wanted.map(({ path }) => basename(path)).join(', ')}`;
  await writeDisk(teeTarget(targets), plan, task, options);
  const disks = new Map<DiskType, WrittenDisk>();
  for (const { type, path } of wanted) {
    const sha256 = request.checksums === true ? await sha256OfFile(path, options) : undefined;
    disks.set(type, { type, path, diskSizeBytes: sizeBytes, sha256 });
  }
  return disks;
}

async function writeIso(
  plan: IsoPlan,
  { outputDirectory, checksums }: DiskRequest,
  options: OperationOptions,
): Promise<ReadonlyMap<DiskType, WrittenDisk>> {
  const path = join(outputDirectory, ISO_FILE);
  await writeLiveIso(path, plan, `write ${ISO_FILE}`, options);
  const sha256 = checksums === true ? await sha256OfFile(path, options) : undefined;
  return new Map([['iso', { type: 'iso', path, diskSizeBytes: plan.sizeBytes, sha256 }]]);
}

async function writePxeDirectory(
  plan: PxePlan,
  { outputDirectory, checksums }: DiskRequest,
  options: OperationOptions,
): Promise<ReadonlyMap<DiskType, WrittenDisk>> {
  const path = join(outputDirectory, PXE_DIRECTORY);
  await writePxe(path, plan, options);
  const disk = { type: 'pxe', path, diskSizeBytes: plan.root.sizeBytes, sha256: undefined } as const;
  if (checksums === true) {
    const files: WrittenDisk[] = [];
    for (const name of PXE_FILES) {
      const file = join(path, name);
      files.push({ ...disk, path: file, sha256: await sha256OfFile(file, options) });
    }
    await writeChecksums(path, files);
  }
  return new Map([['pxe', disk]]);
}

async function makeOutputDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot make the directory ${path}: ${messageOf(cause)}`, { cause });
  }
}

function recordOf(
  request: DiskRequest,
  imported: ImportedImage,
  deployment: FirstDeployment,
  digest: string,
): DiskRecord {
  return {
    image: formatReference(request.image),
    target: formatReference(deployment.target),
    manifestDigest: imported.manifestDigest,
    inputDigest: digest,
    version: deployment.version,
    deployment: deployment.id,
    kernel: deployment.kernelVersion,
    kernelCommandLine: deployment.commandLine,
    firmware: deployment.grub === undefined ? ['uefi'] : ['uefi', 'bios'],
    root: request.types.some(isDiskFormat) ? rootOf(deployment) : undefined,
    disks: [],
  };
}

function rootOf({ rootFileSystem: fileSystem = 'ext4' }: FirstDeployment): WrittenRoot {
  return { fileSystem, sealed: canCarrySeals(fileSystem) };
}
