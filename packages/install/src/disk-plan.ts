import { placeGrub } from '@slipway/boot';
import { bootTree, fileSize, type ImportedImage, type Repository } from '@slipway/composefs';
import { roundUp, SlipwayError } from '@slipway/core';
import {
  type DiskDirectory,
  deriveUuid,
  type FatPlan,
  type GptLayout,
  layoutGpt,
  PARTITION_TYPES,
  type PartitionContent,
  type PartitionRequest,
  planFat,
} from '@slipway/disk';
import { espTree } from './esp-tree.ts';
import type { FirstDeployment } from './first-deployment.ts';
import { roundUpForTypes } from './formats.ts';
import type { HostSetup } from './host-setup.ts';
import type { DiskGeometry, DiskType } from './request.ts';
import { rootTree } from './root-tree.ts';
import { canCarrySeals } from './root-volume/choose.ts';
import { draftRootVolume, type RootVolume } from './root-volume/plan.ts';
import { extraContents } from './storage/contents.ts';
import { extraSizes, leastExtraBytes } from './storage/sizes.ts';
import { storeContent } from './store-tree.ts';
import { treeCopy } from './tree-copy.ts';

/** What the size of a disk depends on besides what stands on it. */
export interface DiskSizing extends DiskGeometry {
  readonly architecture: string;
  readonly types: readonly DiskType[];
}

/** Everything about a disk but the bytes of its files. */
export interface DiskPlan {
  readonly layout: GptLayout;
  readonly esp: FatPlan;
  readonly espUuid: string;
  readonly root: RootVolume;
  readonly rootPartitionUuid: string;
  /** What stands in further partitions, by their UUIDs. */
  readonly extras: ReadonlyMap<string, PartitionContent>;
  /** Of the first sector; undefined for a disk that boots on UEFI alone. */
  readonly bootCode: Uint8Array | undefined;
}

const SECTOR_BYTES = 512;
const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
/** An ESP holds the kernels of several deployments; the complaint of every user of a small one is that it filled up. */
const ESP_LEAST_BYTES = GIB;
const ESP_KERNELS = 4;
/** Room for a second deployment that shares nothing, and for what a host writes before its disk is grown. */
const ROOT_DEPLOYMENTS = 2;
const ROOT_SPARE_BYTES = GIB;
/** Partition table and alignment at both ends. */
const TABLES_BYTES = 2 * MIB;

/** GRUB's core image takes a sixth of it. */
export const BIOS_BOOT_BYTES: number = MIB;

const ROOT_TYPES: Readonly<Record<string, string | undefined>> = {
  amd64: PARTITION_TYPES.rootX64,
  arm64: PARTITION_TYPES.rootArm64,
};

/**
 * Lays the disk out: table, boot partition, root. Nothing is written.
 *
 * @throws SlipwayError DISK_TOO_SMALL when the size asked for does not hold what the image needs, DISK_TREE_INVALID when the file system of
 *   the root cannot hold it
 */
export function planDisk(
  repository: Repository,
  imported: ImportedImage,
  deployment: FirstDeployment,
  request: DiskSizing,
  setup: HostSetup,
): DiskPlan {
  const { seed, timeSec } = deployment;
  const espContent = espTreeOf(repository, deployment, request.architecture);
  const mounted = new Map<string, DiskDirectory>();
  const { rootFileSystem: fileSystem = 'ext4' } = deployment;
  const isSealed = canCarrySeals(fileSystem);
  const root = draftRootVolume(
    fileSystem,
    rootTreeOf(repository, imported, deployment, setup, mounted, isSealed),
    timeSec,
  );
  const { storage } = setup;
  const espBytes = Math.max(espSizeBytes(deployment), roundUp(storage.espLeastBytes, MIB));
  const bootBytes = espBytes + (deployment.grub === undefined ? 0 : BIOS_BOOT_BYTES);
  const rootLeastBytes = Math.max(root.leastBytes, roundUp(storage.rootLeastBytes, MIB));
  const extraBytes = leastExtraBytes(storage.extras);
  const diskSizeBytes =
    request.diskSizeBytes ??
    roundUpForTypes(
      Math.max(
        defaultDiskBytes(bootBytes + extraBytes, rootLeastBytes),
        roundUp(storage.diskLeastBytes, MIB),
      ),
      request.types,
    );
  const rootBytes = Math.max(rootLeastBytes, request.rootSizeBytes ?? 0);
  refuseTooSmall(diskSizeBytes, TABLES_BYTES + bootBytes + extraBytes + rootBytes);
  refuseSmallRoot(request.rootSizeBytes, rootLeastBytes);
  const roomBytes = diskSizeBytes - TABLES_BYTES - bootBytes;
  const sizes = extraSizes(storage.extras, roomBytes, rootBytes, diskSizeBytes);

  const espUuid = deriveUuid(seed, 'boot partition');
  const rootPartitionUuid = deriveUuid(seed, 'root partition');
  const layout = layoutGpt({
    diskUuid: deriveUuid(seed, 'disk'),
    sizeBytes: diskSizeBytes,
    partitions: [
      { type: PARTITION_TYPES.esp, uuid: espUuid, label: 'slipway-esp', sizeBytes: espBytes },
      ...biosBootPartition(deployment, seed),
      ...storage.extras.map(({ type, uuid, partitionLabel }, index) => ({
        type,
        uuid,
        label: partitionLabel,
        sizeBytes: sizes[index] ?? 0,
      })),
      {
        type: ROOT_TYPES[request.architecture] ?? PARTITION_TYPES.linuxData,
        uuid: rootPartitionUuid,
        label: 'slipway-root',
        ...(request.rootSizeBytes === undefined ? {} : { sizeBytes: request.rootSizeBytes }),
      },
    ],
  });
  const espPartition = layout.partitions[0];
  // Last, so that it can grow with the disk.
  const rootPartition = layout.partitions.at(-1);
  if (espPartition === undefined || rootPartition === undefined) {
    throw new SlipwayError('INTERNAL', 'cannot lay out the disk: partitions are missing');
  }
  const grub = placedGrub(deployment, layout);
  return {
    layout,
    bootCode: grub?.bootCode,
    espUuid,
    esp: planFat(espContent, {
      uuid: deriveUuid(seed, 'boot file system'),
      label: 'SLIPWAY',
      timeSec,
      sizeBytes: espPartition.sizeBytes,
      partitionOffsetBytes: espPartition.offsetBytes,
    }),
    rootPartitionUuid,
    root: root.plan({
      uuid: deployment.rootUuid,
      label: 'slipway-root',
      sizeBytes: Math.min(
        rootPartition.sizeBytes,
        request.growsLater === true ? firstRootBytes(rootLeastBytes) : Number.POSITIVE_INFINITY,
      ),
    }),
    extras: new Map([
      ...extraContents(storage.extras, layout, mounted, timeSec),
      ...(grub === undefined ? [] : [grub.content]),
    ]),
  };
}

function biosBootPartition({ grub }: FirstDeployment, seed: string): readonly PartitionRequest[] {
  if (grub === undefined) return [];
  const uuid = deriveUuid(seed, 'BIOS boot partition');
  return [{ type: PARTITION_TYPES.biosBoot, uuid, label: 'slipway-bios', sizeBytes: BIOS_BOOT_BYTES }];
}

/** What of a disk starts it on a BIOS. */
interface PlacedLoader {
  /** Of the first sector. */
  readonly bootCode: Uint8Array;
  /** Of the BIOS boot partition. */
  readonly content: readonly [uuid: string, content: PartitionContent];
}

/** GRUB on a disk with a BIOS boot partition; undefined on one without. */
export function placedGrub(
  { grub }: Pick<FirstDeployment, 'grub'>,
  { partitions }: Pick<GptLayout, 'partitions'>,
): PlacedLoader | undefined {
  const partition = partitions.find(({ type }) => type === PARTITION_TYPES.biosBoot);
  if (grub === undefined || partition === undefined) return undefined;
  const { uuid, offsetBytes, sizeBytes } = partition;
  const place = { firstSector: offsetBytes / SECTOR_BYTES, sizeBytes };
  const { bootCode, core } = placeGrub(grub.bootImage, grub.core, place);
  return { bootCode, content: [uuid, (window) => window.write(0, core)] };
}

/** What stands on the boot partition. */
export function espTreeOf(
  repository: Repository,
  deployment: FirstDeployment,
  architecture: string,
): DiskDirectory {
  const { file } = treeCopy(repository);
  return espTree({
    id: deployment.id,
    architecture,
    loader: file(deployment.loader),
    linux: file(deployment.linux),
    initrd: file(deployment.initrd),
    title: deployment.title,
    commandLine: deployment.commandLine,
    timeSec: deployment.timeSec,
    withGrub: deployment.grub !== undefined,
  });
}

/**
 * What stands on the root.
 *
 * @param mounted takes what the host has where other file systems are mounted, by their UUIDs
 */
export function rootTreeOf(
  repository: Repository,
  imported: ImportedImage,
  deployment: FirstDeployment,
  { edits, mounts }: HostSetup,
  mounted: Map<string, DiskDirectory>,
  isSealed = true,
): DiskDirectory {
  return rootTree({
    repository,
    id: deployment.id,
    // As the sealed root has it: an xattr that one drops would count as a local edit of /etc for ever.
    image: bootTree(imported.tree),
    ...storeContent(repository, [{ imported, deployment }]),
    metaJson: repository.metaJson(isSealed ? 'require' : 'none'),
    origin: deployment.origin,
    history: deployment.history,
    edits,
    mounts: [...mounts].map(([uuid, path]) => ({ path, take: (tree) => mounted.set(uuid, tree) })),
    timeSec: deployment.timeSec,
  });
}

/** Room for the kernels of several deployments. */
export function espSizeBytes({ linux, initrd }: FirstDeployment): number {
  const kernelsBytes = ESP_KERNELS * (fileSize(linux) + fileSize(initrd));
  return roundUp(Math.max(ESP_LEAST_BYTES, kernelsBytes), 128 * MIB);
}

function defaultDiskBytes(espBytes: number, rootLeastBytes: number): number {
  return roundUp(TABLES_BYTES + espBytes + firstRootBytes(rootLeastBytes), GIB);
}

function firstRootBytes(rootLeastBytes: number): number {
  return roundUp(ROOT_DEPLOYMENTS * rootLeastBytes + ROOT_SPARE_BYTES, MIB);
}

function refuseSmallRoot(rootSizeBytes: number | undefined, neededBytes: number): void {
  if (rootSizeBytes === undefined || rootSizeBytes >= neededBytes) return;
  throw new SlipwayError(
    'DISK_TOO_SMALL',
    `cannot make a root of ${mebibytes(rootSizeBytes)}: one deployment of this image needs ${mebibytes(neededBytes)}`,
    {
      hint: 'ask for a larger root; an update needs the same again',
      details: { rootSizeBytes, neededBytes },
    },
  );
}

function refuseTooSmall(diskSizeBytes: number, neededBytes: number): void {
  if (diskSizeBytes >= neededBytes) return;
  throw new SlipwayError(
    'DISK_TOO_SMALL',
    `cannot make a disk of ${mebibytes(diskSizeBytes)}: one deployment of this image needs ${mebibytes(neededBytes)}`,
    {
      hint: `ask for at least ${mebibytes(neededBytes)}; an update needs the same again`,
      details: { diskSizeBytes, neededBytes },
    },
  );
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}
