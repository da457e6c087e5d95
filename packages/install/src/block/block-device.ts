/** A block device of the machine, as lsblk(8) tells of it. */
export interface BlockDevice {
  /** `/dev/vda1` */
  readonly path: string;
  /** `disk`, `part`, `loop`, `crypt`, `lvm`, `raid1`, `rom`, `mpath` and others. */
  readonly type: string;
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  /** What the smallest piece is that can be written, 512 or 4096. */
  readonly sectorBytes: number;
  /** What the device holds: a file system, `LVM2_member`, `crypto_LUKS`, `linux_raid_member`, `swap`. */
  readonly fileSystem: string | undefined;
  readonly label: string | undefined;
  /** `gpt` or `dos`, where it has a partition table. */
  readonly tableType: string | undefined;
  /** `[SWAP]` among them. */
  readonly mountpoints: readonly string[];
  readonly model: string | undefined;
  readonly serial: string | undefined;
  /** Partitions, and what is made of the device. */
  readonly children: readonly BlockDevice[];
}

/** Of files, and of most disks. */
export const SECTOR_BYTES = 512;

/** A disk with nothing on it, as a file is one too. */
export function emptyDisk(path: string, sizeBytes: number): BlockDevice {
  return {
    path,
    type: 'disk',
    sizeBytes,
    isReadOnly: false,
    sectorBytes: SECTOR_BYTES,
    fileSystem: undefined,
    label: undefined,
    tableType: undefined,
    mountpoints: [],
    model: undefined,
    serial: undefined,
    children: [],
  };
}

/** A device and everything below it. */
export function* withDescendants(device: BlockDevice): Generator<BlockDevice> {
  yield device;
  for (const child of device.children) yield* withDescendants(child);
}

/** A partition of a disk as the kernel names it: `/dev/vda1`, `/dev/nvme0n1p1`. */
export function partitionPath(disk: string, number: number): string {
  return `${disk}${/\d$/.test(disk) ? 'p' : ''}${number}`;
}
