import { SlipwayError } from '@slipway/core';
import { deriveUuid, layoutGpt, PARTITION_TYPES } from '@slipway/disk';
import { partitionPath } from '../block/block-device.ts';
import type {
  EncryptionConfig,
  FileSystemConfig,
  LogicalVolumeConfig,
  PartitionConfig,
  RaidConfig,
} from '../config/types.ts';
import { PLAIN_STORAGE, sizingOf } from '../storage/request.ts';
import { crypttabLine, extraOf, rootArguments } from './find-again.ts';
import type { StorageNeed } from './image-storage.ts';
import type { LayerNeeds, LayerPlan, LayerRequest, PlainDisk, PlannedVolume } from './layer-plan.ts';
import { shareRoom } from './share-room.ts';
import type { InstallStep, PlannedPartition, StepOf } from './step.ts';
import { holdsOf, nameOf, wantedPartitions } from './wanted-partitions.ts';

const MIB = 1024 ** 2;
const TABLES_BYTES = 2 * MIB;
/** What LUKS2, RAID, LVM and a file system take of a partition before the first file. */
const LAYERS_BYTES = 128 * MIB;
/** LVM cuts into these. */
const EXTENT_BYTES = 4 * MIB;
const LUKS_HEADER_BYTES = 16 * MIB;

const TYPES = {
  luks: 'ca7d7ccb-63ed-4c53-861c-1742536059cc',
  lvm: 'e6d6d379-f507-44c2-a23c-238f2a3df928',
  raid: 'a19d880f-05fc-4d3b-a006-743f0f84911e',
} as const;

const ROOT_TYPES: Readonly<Record<string, string | undefined>> = {
  amd64: PARTITION_TYPES.rootX64,
  arm64: PARTITION_TYPES.rootArm64,
};

/**
 * Lays out partitions, arrays, encrypted volumes, volume groups and file systems, in the order they are made. Nothing is done.
 *
 * @throws SlipwayError DISK_TOO_SMALL; CONFIG_INVALID for what refers to something that is not there
 */
export function planLayers(request: LayerRequest, needs: LayerNeeds): LayerPlan {
  return new LayerPlanner(request, needs).plan();
}

/** Collects steps and file systems while it goes from disks to what stands on them. */
class LayerPlanner {
  readonly #request: LayerRequest;
  readonly #needs: LayerNeeds;
  readonly #partitions: readonly PartitionConfig[];
  readonly #raids: readonly RaidConfig[];
  readonly #steps: InstallStep[] = [];
  readonly #volumes: PlannedVolume[] = [];
  readonly #requirements = new Set<StorageNeed>();
  readonly #passphrases = new Map<string, string>();
  #count = 0;

  constructor(request: LayerRequest, needs: LayerNeeds) {
    this.#request = request;
    this.#needs = needs;
    this.#raids = request.customizations.disk?.raid ?? [];
    this.#partitions = wantedPartitions(request);
  }

  plan(): LayerPlan {
    const devices = new Map<PartitionConfig, string>();
    const sizes = new Map<PartitionConfig, number>();
    let esp = '';
    for (const [index, disk] of this.#request.disks.entries()) {
      const own = this.#partitions.filter((each) => this.#diskOf(each) === disk);
      if (index > 0 && own.length === 0) continue;
      const placed = this.#table(disk, own, index === 0);
      if (index === 0) esp = partitionPath(disk.path, 1);
      for (const [at, partition] of own.entries()) {
        const place = placed[index === 0 ? at + 1 : at];
        devices.set(partition, partitionPath(disk.path, place?.number ?? 0));
        sizes.set(partition, place?.sizeBytes ?? 0);
      }
    }
    this.#steps.push({
      kind: 'make-file-system',
      device: esp,
      fileSystem: 'vfat',
      uuid: this.#uuid('boot file system'),
      label: 'SLIPWAY',
    });
    this.#fill(devices, sizes);
    for (const raid of this.#raids) this.#array(raid, devices);
    return this.#result(esp);
  }

  /** The partition table of one disk, and its step. */
  #table(disk: PlainDisk, own: readonly PartitionConfig[], isFirst: boolean): readonly PlannedPartition[] {
    const espBytes = isFirst ? this.#needs.espBytes : 0;
    const claims = own.map((each) => {
      const isRoot = this.#holdsRoot(each);
      const sizing = sizingOf(each);
      const leastBytes = isRoot
        ? Math.max(sizing.leastBytes, this.#needs.rootLeastBytes + LAYERS_BYTES)
        : sizing.leastBytes;
      return { isRoot, sizing: { ...sizing, leastBytes } };
    });
    const neededBytes =
      TABLES_BYTES + espBytes + claims.reduce((sum, { sizing }) => sum + sizing.leastBytes, 0);
    if (neededBytes > disk.sizeBytes) throw tooSmall(disk, neededBytes);
    const sizes = shareRoom(claims, disk.sizeBytes - TABLES_BYTES - espBytes, disk.sizeBytes);
    const layout = layoutGpt({
      diskUuid: this.#uuid(`disk ${disk.path}`),
      sizeBytes: disk.sizeBytes,
      partitions: [
        ...(isFirst
          ? [
              {
                type: PARTITION_TYPES.esp,
                uuid: this.#uuid('boot partition'),
                label: 'slipway-esp',
                sizeBytes: espBytes,
              },
            ]
          : []),
        ...own.map((each, index) => {
          const sizeBytes = sizes[index];
          return {
            type: each.part_type?.toLowerCase() ?? this.#typeOf(each),
            uuid: each.part_uuid ?? this.#uuid(`partition ${disk.path} ${index}`),
            label: (each.part_label ?? each.label ?? nameOf(each)).slice(0, 36),
            ...(sizeBytes === undefined ? {} : { sizeBytes }),
          };
        }),
      ],
    });
    const partitions = layout.partitions.map((placed, index): PlannedPartition => {
      const { number, label, type, uuid, offsetBytes, sizeBytes: placedBytes } = placed;
      const each = { number, label, type, uuid, offsetBytes, sizeBytes: placedBytes };
      const config = own[isFirst ? index - 1 : index];
      return { ...each, holds: config === undefined ? 'vfat, the boot partition' : holdsOf(config) };
    });
    const { diskUuid, sizeBytes } = layout;
    const paths = partitions.map(({ number }) => partitionPath(disk.path, number));
    this.#steps.push(
      { kind: 'write-table', path: disk.path, diskUuid, sizeBytes, partitions },
      { kind: 'read-table', path: disk.path },
      // Whatever was at those places before must not come to life again.
      { kind: 'wipe-signatures', paths },
    );
    return partitions;
  }

  #fill(devices: ReadonlyMap<PartitionConfig, string>, sizes: ReadonlyMap<PartitionConfig, number>): void {
    const groups = new Map<
      string,
      { devices: string[]; bytes: number; encryption: StepOf<'encrypt'>[]; volumes: LogicalVolumeConfig[] }
    >();
    for (const partition of this.#partitions) {
      if (partition.type === 'raid') continue;
      const encryption: StepOf<'encrypt'>[] = [];
      const device = this.#encrypted(devices.get(partition) ?? '', partition.encryption, encryption);
      if (partition.type === 'lvm') {
        const name = partition.name ?? 'slipway';
        const group = groups.get(name) ?? { devices: [], bytes: 0, encryption: [], volumes: [] };
        groups.set(name, group);
        group.devices.push(device);
        group.encryption.push(...encryption);
        const usableBytes =
          (sizes.get(partition) ?? 0) - MIB - (encryption.length > 0 ? LUKS_HEADER_BYTES : 0);
        group.bytes += Math.floor(usableBytes / EXTENT_BYTES) * EXTENT_BYTES;
        group.volumes.push(...(partition.logical_volumes ?? []));
      } else if (partition.type === 'btrfs') this.#btrfs(partition, device, encryption);
      else this.#fileSystem(partition, device, encryption);
    }
    for (const [name, group] of groups) this.#group(name, group);
  }

  #group(
    name: string,
    {
      devices,
      bytes,
      encryption,
      volumes,
    }: {
      readonly devices: readonly string[];
      readonly bytes: number;
      readonly encryption: readonly StepOf<'encrypt'>[];
      readonly volumes: readonly LogicalVolumeConfig[];
    },
  ): void {
    this.#requirements.add('lvm');
    this.#steps.push({ kind: 'make-group', name, devices });
    const claims = volumes.map((volume) => ({ isRoot: volume.mountpoint === '/', sizing: sizingOf(volume) }));
    const sizes = shareRoom(claims, bytes, bytes);
    const made = volumes.map((volume, index) => ({ volume, sizeBytes: sizes[index] }));
    // What is left is known when the others are there.
    const ordered = [
      ...made.filter((each) => each.sizeBytes !== undefined),
      ...made.filter((each) => each.sizeBytes === undefined),
    ];
    for (const { volume, sizeBytes } of ordered) {
      const own = volume.name ?? nameOf(volume);
      const wholeExtents =
        sizeBytes === undefined ? undefined : Math.ceil(sizeBytes / EXTENT_BYTES) * EXTENT_BYTES;
      this.#steps.push({ kind: 'make-volume', group: name, name: own, sizeBytes: wholeExtents });
      this.#fileSystem(volume, `/dev/${name}/${own}`, encryption);
    }
  }

  #array(raid: RaidConfig, devices: ReadonlyMap<PartitionConfig, string>): void {
    const members = raid.members.map((name) => {
      const found = [...devices].find(([{ type, name: own }]) => type === 'raid' && own === name);
      if (found === undefined)
        throw unknown(`the array ${raid.name} is made of ${name}, and there is no such partition`);
      return found[1];
    });
    this.#requirements.add('raid');
    this.#steps.push({
      kind: 'make-array',
      name: raid.name,
      level: raid.level,
      members,
      spares: raid.spares ?? 0,
    });
    const encryption: StepOf<'encrypt'>[] = [];
    const device = this.#encrypted(`/dev/md/${raid.name}`, raid.encryption, encryption);
    this.#fileSystem(raid, device, encryption);
  }

  /** The device to go on with: the one given, or the opened volume on it. */
  #encrypted(device: string, config: EncryptionConfig | undefined, into: StepOf<'encrypt'>[]): string {
    if (config === undefined) return device;
    const uuid = this.#uuid('encrypted volume');
    const hasTpm2 = config.tpm2 === true;
    const hasPassphrase = config.passphrase !== undefined;
    if (!hasTpm2 && !hasPassphrase)
      throw unknown(`${device} is to be encrypted, and there is neither a passphrase nor a TPM to open it`);
    const step: StepOf<'encrypt'> = {
      kind: 'encrypt',
      device,
      uuid,
      name: `luks-${uuid}`,
      hasPassphrase,
      hasTpm2,
      // A TPM that is cleared or replaced must not take everything with it.
      hasRecoveryKey: config.recovery_key ?? (hasTpm2 && !hasPassphrase),
    };
    if (config.passphrase !== undefined) this.#passphrases.set(uuid, config.passphrase);
    this.#requirements.add('luks');
    if (hasTpm2) this.#requirements.add('tpm2');
    this.#steps.push(step);
    into.push(step);
    return `/dev/mapper/${step.name}`;
  }

  #fileSystem(config: FileSystemConfig, device: string, encryption: readonly StepOf<'encrypt'>[]): void {
    const isRoot = config.mountpoint === '/';
    const fileSystem = config.fs_type ?? (isRoot ? this.#request.rootFileSystem : 'ext4');
    if (fileSystem === 'none') return;
    const uuid = this.#uuid('file system');
    const label = config.label ?? (isRoot ? 'slipway-root' : undefined);
    this.#steps.push({ kind: 'make-file-system', device, fileSystem, uuid, label: label?.slice(0, 12) });
    const { mountpoint, mount_options: options } = config;
    this.#volumes.push({ device, fileSystem, uuid, label, mountpoint, options, encryption });
  }

  #btrfs(partition: PartitionConfig, device: string, encryption: readonly StepOf<'encrypt'>[]): void {
    const uuid = this.#uuid('file system');
    this.#steps.push({ kind: 'make-file-system', device, fileSystem: 'btrfs', uuid, label: partition.label });
    const subvolumes = partition.subvolumes ?? [];
    const names = subvolumes.map(({ name }) => name);
    if (names.length > 0) this.#steps.push({ kind: 'make-subvolumes', device, names });
    const base = { device, fileSystem: 'btrfs', uuid, label: partition.label, encryption } as const;
    const { mountpoint, mount_options: options } = partition;
    if (mountpoint !== undefined) this.#volumes.push({ ...base, mountpoint, options });
    for (const { name, mountpoint: at } of subvolumes) {
      if (at === undefined) continue;
      const subvol = `subvol=${name}`;
      this.#volumes.push({
        ...base,
        mountpoint: at,
        options: options === undefined ? subvol : `${options},${subvol}`,
      });
    }
  }

  #result(esp: string): LayerPlan {
    const root = this.#volumes.find(({ mountpoint }) => mountpoint === '/');
    if (root === undefined) throw unknown('nothing is mounted at /');
    if (root.fileSystem === 'vfat' || root.fileSystem === 'swap')
      throw unknown(`the root cannot be ${root.fileSystem}`);
    if (root.fileSystem !== 'ext4') this.#requirements.add(root.fileSystem === 'xfs' ? 'xfs' : 'btrfs');
    const others = this.#volumes.filter((each) => each !== root);
    const opened = new Set(root.encryption.map(({ uuid }) => uuid));
    const closed = others.flatMap(({ encryption }) => encryption.filter(({ uuid }) => !opened.has(uuid)));
    return {
      steps: this.#steps,
      volumes: this.#volumes,
      esp,
      needs: this.#requirements,
      passphrases: this.#passphrases,
      root: {
        kernelArguments: rootArguments(root),
        isSealed: root.fileSystem !== 'xfs',
        storage: { ...PLAIN_STORAGE, extras: others.map(extraOf) },
        crypttab: [...new Set(closed)].map(crypttabLine).join(''),
      },
    };
  }

  #holdsRoot(partition: PartitionConfig): boolean {
    const isRoot = ({ mountpoint }: FileSystemConfig): boolean => mountpoint === '/';
    if (isRoot(partition)) return true;
    if (partition.subvolumes?.some(({ mountpoint }) => mountpoint === '/') === true) return true;
    if (partition.type === 'raid')
      return this.#raids.some((raid) => isRoot(raid) && raid.members.includes(partition.name ?? ''));
    return partition.type === 'lvm' && (partition.logical_volumes ?? []).some(isRoot);
  }

  #diskOf({ device }: PartitionConfig): PlainDisk | undefined {
    const [first] = this.#request.disks;
    if (device === undefined) return first;
    const path = device.startsWith('/') ? device : `/dev/${device}`;
    const found = this.#request.disks.find((each) => each.path === path);
    if (found === undefined)
      throw unknown(`a partition is to be on ${device}, which is none of the disks of this installation`);
    return found;
  }

  #typeOf(partition: PartitionConfig): string {
    if (partition.type === 'raid') return TYPES.raid;
    if (partition.encryption !== undefined) return TYPES.luks;
    if (partition.type === 'lvm') return TYPES.lvm;
    if (partition.fs_type === 'swap') return PARTITION_TYPES.swap;
    if (!this.#holdsRoot(partition)) return PARTITION_TYPES.linuxData;
    return ROOT_TYPES[this.#request.architecture] ?? PARTITION_TYPES.linuxData;
  }

  #uuid(what: string): string {
    this.#count += 1;
    return deriveUuid(this.#request.seed, `${what} ${this.#count}`);
  }
}

function tooSmall({ path, sizeBytes }: PlainDisk, neededBytes: number): SlipwayError {
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / MIB)} MiB`;
  return new SlipwayError(
    'DISK_TOO_SMALL',
    `cannot install to ${path}: it has ${mebibytes(sizeBytes)}, and ${mebibytes(neededBytes)} are needed`,
    { hint: 'use a larger disk, or ask for less', details: { sizeBytes, neededBytes } },
  );
}

function unknown(why: string): SlipwayError {
  return new SlipwayError('CONFIG_INVALID', `cannot lay out the disks: ${why}`);
}
