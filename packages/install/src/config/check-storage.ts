import { diskPath, isKernelName, matchesDisk } from './disk-name.ts';
import type { FieldPath, Report } from './position.ts';
import type {
  Customizations,
  DiskConfig,
  EncryptionConfig,
  FileSystemConfig,
  PartitionConfig,
  SizingConfig,
} from './types.ts';

const MIB = 1024 ** 2;
/** Below these a host keeps its own things; nobody else's file system may hide them. */
const RESERVED: readonly string[] = [
  '/usr',
  '/etc',
  '/sysroot',
  '/proc',
  '/sys',
  '/dev',
  '/run',
  '/composefs',
  '/state',
];

/** What is wrong with partitions and file systems, and what `target` cannot make. */
export function checkStorage(
  { disk, filesystem, swap }: Customizations,
  target: 'disk' | 'installer',
  report: Report,
): void {
  const at = (...path: FieldPath): FieldPath => ['customizations', ...path];
  if (disk !== undefined && filesystem !== undefined) {
    report(at('filesystem'), 'cannot be given together with disk: describe everything in disk');
  }
  for (const [index, { mountpoint }] of (filesystem ?? []).entries()) {
    checkMountpoint(mountpoint, at('filesystem', index, 'mountpoint'), report);
  }
  if (swap !== undefined && swap.size < MIB) report(at('swap', 'size'), 'must be at least 1 MiB');
  if (disk === undefined) return;
  for (const [index, raid] of (disk.raid ?? []).entries()) {
    const below = (path: FieldPath, message: string): void =>
      report(at('disk', 'raid', index, ...path), message);
    checkFileSystem(raid, below);
    checkEncryption(raid.encryption, below);
  }
  checkTable(disk, target, (path, message) => report(at('disk', ...path), message));
  checkMountpoints(disk, filesystem ?? [], (path, message) => report(at('disk', ...path), message));
  for (const [index, partition] of (disk.partitions ?? []).entries()) {
    const below = (path: FieldPath, message: string): void =>
      report(at('disk', 'partitions', index, ...path), message);
    checkKind(partition, below);
    checkSizing(partition, below);
    checkFileSystem(partition, below);
    if (target === 'disk') checkWritable(partition, below);
    else checkEncryption(partition.encryption, below);
  }
}

function checkTable(disk: DiskConfig, target: 'disk' | 'installer', report: Report): void {
  if (disk.type === 'dos') report(['type'], 'dos is not supported: a disk that boots with UEFI has a GPT');
  if (disk.start_offset !== undefined && disk.start_offset !== MIB)
    report(['start_offset'], 'is not supported: partitions begin at 1 MiB');
  if (disk.sector_size !== undefined && disk.sector_size !== 512)
    report(['sector_size'], 'only 512 is supported');
  if (target === 'installer') {
    if (isExcluded(disk.boot_drive, disk.drives))
      report(['boot_drive'], 'is none of drives: an installer does not use that disk');
    return;
  }
  if (disk.raid !== undefined) report(['raid'], 'is for installers: a disk image is one disk');
  if (disk.drives !== undefined) report(['drives'], 'is for installers: a disk image is one disk');
  if (disk.boot_drive !== undefined) report(['boot_drive'], 'is for installers: a disk image is one disk');
  if (disk.wipe !== undefined) report(['wipe'], 'is for installers: a disk image begins empty');
}

/** Which disk a link names, only the machine knows: those are judged there. */
function isExcluded(drive: string | undefined, drives: readonly string[] | undefined): boolean {
  if (drive === undefined || drives === undefined) return false;
  return [drive, ...drives].every(isKernelName) && !matchesDisk(drives, diskPath(drive));
}

/** Fields that belong to one kind of partition only. */
function checkKind(partition: PartitionConfig, report: Report): void {
  const kind = partition.type ?? 'plain';
  if (partition.logical_volumes !== undefined && kind !== 'lvm')
    report(['logical_volumes'], 'needs type = "lvm"');
  if (partition.subvolumes !== undefined && kind !== 'btrfs') report(['subvolumes'], 'needs type = "btrfs"');
  if (partition.name !== undefined && kind !== 'lvm' && kind !== 'raid')
    report(['name'], 'needs type = "lvm" or "raid"');
  if (kind === 'lvm' || kind === 'raid') {
    for (const field of ['mountpoint', 'fs_type', 'label'] as const) {
      if (partition[field] !== undefined)
        report([field], `a partition with type = "${kind}" has none of its own`);
    }
    if (partition.name === undefined) report([], `a partition with type = "${kind}" must have a name`);
  }
  for (const [index, volume] of (partition.logical_volumes ?? []).entries()) {
    const below = (path: FieldPath, message: string): void =>
      report(['logical_volumes', index, ...path], message);
    checkSizing(volume, below);
    checkFileSystem(volume, below);
    if (volume.mountpoint === '/boot' || volume.mountpoint === '/boot/efi')
      below(['mountpoint'], 'cannot be on a logical volume: firmware reads it');
  }
}

function checkSizing(sizing: SizingConfig, report: Report): void {
  if (sizing.min !== undefined && sizing.minsize !== undefined)
    report(['min'], 'is the same as minsize: give one of them');
  const least = sizing.min ?? sizing.minsize;
  if (sizing.size !== undefined) {
    for (const other of ['min', 'minsize', 'max', 'percent', 'grow'] as const) {
      if (sizing[other] !== undefined && sizing[other] !== false)
        report([other], 'cannot be given together with size');
    }
  }
  if (sizing.percent !== undefined && sizing.grow === true)
    report(['grow'], 'cannot be given together with percent');
  if (sizing.max !== undefined && least !== undefined && sizing.max < least)
    report(['max'], 'is less than the least size');
  if (sizing.max !== undefined && sizing.grow !== true && sizing.percent === undefined)
    report(['max'], 'needs grow or percent: nothing else makes it larger');
}

function checkFileSystem(system: FileSystemConfig, report: Report): void {
  const { mountpoint, fs_type, label, mount_options } = system;
  if (fs_type === 'swap' && mountpoint !== undefined) report(['mountpoint'], 'swap is not mounted');
  if (fs_type === 'none' && mountpoint !== undefined) report(['mountpoint'], 'needs a file system');
  if (mountpoint === '/boot/efi' && fs_type !== undefined && fs_type !== 'vfat')
    report(['fs_type'], 'firmware reads vfat only');
  if (mount_options !== undefined && mountpoint === undefined)
    report(['mount_options'], 'needs a mountpoint');
  if (fs_type === 'vfat' && label !== undefined && label.length > 11)
    report(['label'], 'must have at most 11 characters on vfat');
}

function checkMountpoint(mountpoint: string, path: FieldPath, report: Report): void {
  const reserved = RESERVED.find((each) => mountpoint === each || mountpoint.startsWith(`${each}/`));
  if (reserved !== undefined) report(path, `${reserved} belongs to the image or the system`);
  if (mountpoint === '/var') report(path, '/var is on the root file system: choose a directory below it');
}

function checkMountpoints(
  disk: DiskConfig,
  filesystems: readonly { readonly mountpoint: string }[],
  report: Report,
): void {
  const seen = new Set(filesystems.map(({ mountpoint }) => mountpoint));
  const once = (mountpoint: string | undefined, path: FieldPath): void => {
    if (mountpoint === undefined) return;
    checkMountpoint(mountpoint, path, report);
    if (seen.has(mountpoint)) report(path, `two file systems are mounted at ${mountpoint}`);
    seen.add(mountpoint);
  };
  for (const [index, partition] of (disk.partitions ?? []).entries()) {
    once(partition.mountpoint, ['partitions', index, 'mountpoint']);
    for (const [inner, volume] of (partition.logical_volumes ?? []).entries()) {
      once(volume.mountpoint, ['partitions', index, 'logical_volumes', inner, 'mountpoint']);
    }
    for (const [inner, volume] of (partition.subvolumes ?? []).entries()) {
      once(volume.mountpoint, ['partitions', index, 'subvolumes', inner, 'mountpoint']);
    }
  }
  for (const [index, raid] of (disk.raid ?? []).entries())
    once(raid.mountpoint, ['raid', index, 'mountpoint']);
}

/** Somebody, or something, must be able to open it again. */
function checkEncryption(encryption: EncryptionConfig | undefined, report: Report): void {
  if (encryption === undefined || encryption.passphrase !== undefined || encryption.tpm2 === true) return;
  report(['encryption'], 'needs a passphrase, tpm2 = true, or both');
}

/** What the writer of disk images makes: plain partitions with ext4, vfat, swap, or nothing; a root of xfs or btrfs by other programs. */
function checkWritable(partition: PartitionConfig, report: Report): void {
  const { type = 'plain', fs_type, encryption, mountpoint, part_type } = partition;
  if (type !== 'plain')
    report(['type'], `${type} is not supported on a disk image yet; an installer makes it`);
  if (encryption !== undefined)
    report(['encryption'], 'is not supported on a disk image yet; an installer makes it');
  if ((fs_type === 'xfs' || fs_type === 'btrfs') && mountpoint !== '/')
    report(['fs_type'], `${fs_type} is not supported on a disk image yet; use ext4`);
  if (partition.device !== undefined) report(['device'], 'is for installers: a disk image is one disk');
  if (part_type !== undefined && part_type.length === 2)
    report(['part_type'], 'must be a UUID: the disk has a GPT');
  if (mountpoint === '/') {
    for (const field of [
      'size',
      'max',
      'percent',
      'part_type',
      'part_uuid',
      'mount_options',
      'label',
      'part_label',
    ] as const) {
      if (partition[field] !== undefined)
        report(
          [field],
          'cannot be chosen for the root: it takes what the other partitions leave, its names tell the boot loader where to look',
        );
    }
    if (fs_type === 'vfat' || fs_type === 'swap' || fs_type === 'none')
      report(['fs_type'], 'the root is ext4, xfs or btrfs');
  } else if (mountpoint === '/boot/efi') {
    for (const field of [
      'part_type',
      'part_uuid',
      'percent',
      'grow',
      'max',
      'label',
      'part_label',
      'mount_options',
    ] as const) {
      if (partition[field] !== undefined) report([field], 'cannot be chosen for the boot partition');
    }
  } else if (mountpoint === '/boot') {
    report(['mountpoint'], '/boot is not a file system here: kernels are on /boot/efi');
  } else if (
    type === 'plain' &&
    [partition.size, partition.min, partition.minsize, partition.percent].every((each) => each === undefined)
  ) {
    report([], 'must say how large it is: give size, min or percent');
  }
}
