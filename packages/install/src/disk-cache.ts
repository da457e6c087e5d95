/** Which disks were made of what: asked for the same again, they are not made again as long as nobody touched them. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, type Operation } from '@slipway/core';
import type { DeploymentTrust } from '@slipway/host';
import { formatReference, type ResolvedImage } from '@slipway/oci';
import * as z from 'zod';
import type { FoundPayload } from './medium/payload.ts';
import {
  DISK_TYPES,
  type DiskRecord,
  type DiskRequest,
  type DiskType,
  FIRMWARE,
  isDiskFormat,
  ROOT_FILE_SYSTEMS,
  type WrittenDisk,
} from './request.ts';

/** Raised whenever the same request gives other bytes than before. */
const BYTES_VERSION = 3;

/**
 * SHA-256 over everything the bytes of a disk depend on: the image by its digest, and what was asked for. Where it is written
 * is no part of it.
 */
export function inputDigest(
  request: DiskRequest,
  image: ResolvedImage,
  trust: DeploymentTrust | undefined,
  payloads: readonly FoundPayload[] = [],
): string {
  const inputs = {
    bytesVersion: BYTES_VERSION,
    manifest: image.manifestDigest,
    architecture: request.architecture,
    target: formatReference(request.target ?? request.image),
    trust: trust ?? null,
    diskSizeBytes: request.diskSizeBytes ?? sizeUnits(request),
    kernelArguments: request.kernelArguments,
    config: request.config?.config ?? null,
    zstd: request.zstd === true,
    installer: installerInputs(request),
    ...(request.rootFileSystem === undefined ? {} : { rootFileSystem: request.rootFileSystem }),
    ...(payloads.length === 0 || request.types.every(isDiskFormat)
      ? {}
      : { payloads: payloads.map(payloadInputs) }),
  };
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
}

function installerInputs({ types, installer }: DiskRequest): unknown {
  // What no medium is made of does not make a disk another one.
  if (installer === undefined || types.every(isDiskFormat)) return null;
  const { bytes, ...said } = installer;
  return { ...said, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function payloadInputs({ name, image, found }: FoundPayload): unknown {
  return { name, target: formatReference(image), manifest: found.image.manifestDigest };
}

/** Without a size that was asked for, the disk is as large as its types need: gce rounds it up. */
function sizeUnits({ types }: DiskRequest): string {
  return types.includes('gce') ? 'whole GiB' : 'least';
}

/** What was made of some inputs, for a directory. */
export interface KnownDisks {
  readonly record: DiskRecord;
  /** Those that stand there as they were made. */
  readonly disks: ReadonlyMap<DiskType, WrittenDisk>;
}

const DISK = z.strictObject({
  type: z.enum(DISK_TYPES),
  path: z.string(),
  diskSizeBytes: z.int(),
  sha256: z.string().optional(),
});

const ENTRY = z.strictObject({
  record: z.strictObject({
    image: z.string(),
    target: z.string(),
    manifestDigest: z.string(),
    inputDigest: z.string(),
    version: z.string().optional(),
    deployment: z.string(),
    kernel: z.string(),
    kernelCommandLine: z.string(),
    firmware: z.array(z.enum(FIRMWARE)).max(FIRMWARE.length),
    root: z.strictObject({ fileSystem: z.enum(ROOT_FILE_SYSTEMS), sealed: z.boolean() }).optional(),
  }),
  disks: z.array(z.strictObject({ disk: DISK, fingerprint: z.string() })).max(DISK_TYPES.length),
});

/** What is remembered of these inputs in the directory of the request; undefined when nothing, or not readable any more. */
export async function findKnownDisks(request: DiskRequest, digest: string): Promise<KnownDisks | undefined> {
  const path = entryPath(request, digest);
  if (path === undefined) return undefined;
  const entry = await readEntry(path);
  if (entry === undefined) return undefined;
  const disks = new Map<DiskType, WrittenDisk>();
  for (const { disk, fingerprint } of entry.disks) {
    // Checksums that were not taken cannot be given.
    if (request.checksums === true && disk.sha256 === undefined && disk.type !== 'pxe') continue;
    if ((await fingerprintOf(disk.path)) !== fingerprint) continue;
    disks.set(disk.type, { ...disk, sha256: disk.sha256 });
  }
  const { record } = entry;
  return {
    record: {
      ...record,
      image: formatReference(request.image),
      version: record.version,
      root: record.root,
      disks: [],
    },
    disks,
  };
}

/**
 * Remembers disks that were made. Failing at that costs time later and nothing else: it is told and passed over. A power cut
 * leaves the entry of before, or this one, or none.
 */
export async function rememberDisks(
  request: DiskRequest,
  { disks, ...record }: DiskRecord,
  { log }: Operation,
): Promise<void> {
  const path = entryPath(request, record.inputDigest);
  if (path === undefined || request.recordDirectory === undefined) return;
  try {
    const found = disks.map(async (disk) => ({ disk, fingerprint: await fingerprintOf(disk.path) }));
    await mkdir(request.recordDirectory, { recursive: true });
    await writeFile(`${path}.${process.pid}`, JSON.stringify({ record, disks: await Promise.all(found) }));
    await rename(`${path}.${process.pid}`, path);
  } catch (cause) {
    log.warn('cannot remember what was made; asked for it again it will be made again', {
      why: messageOf(cause),
    });
  }
}

function entryPath(request: DiskRequest, digest: string): string | undefined {
  if (request.recordDirectory === undefined) return undefined;
  const place = createHash('sha256')
    .update(`${digest}\0${resolve(request.outputDirectory)}`)
    .digest('hex');
  return join(request.recordDirectory, `${place}.json`);
}

async function readEntry(path: string): Promise<z.infer<typeof ENTRY> | undefined> {
  try {
    return ENTRY.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // Not there, of another version, or damaged: the disks are made, and the entry is replaced.
    return undefined;
  }
}

/** Tells a file from what it becomes when anybody writes to it or puts another in its place. */
async function fingerprintOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(':');
  } catch {
    return undefined;
  }
}
