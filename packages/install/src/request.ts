import type { Reference } from '@slipway/oci';
import type { ConfigFile } from './config/load-config.ts';
import type { StorageRequest } from './storage/request.ts';

/** Formats a disk can be written in. */
const DISK_FORMATS = ['raw', 'qcow2', 'vmdk', 'vhd', 'vhdx', 'ami', 'gce', 'ova'] as const;
export type DiskFormatName = (typeof DISK_FORMATS)[number];

/** The same, and the forms of a live system that installs the image. */
export type DiskType = DiskFormatName | 'iso' | 'pxe';
export const DISK_TYPES: readonly DiskType[] = [...DISK_FORMATS, 'iso', 'pxe'];

/** Whether it is a disk that is written whole. */
export function isDiskFormat(type: DiskType): type is DiskFormatName {
  return (DISK_FORMATS as readonly string[]).includes(type);
}

/** Firmware that starts a disk. */
export const FIRMWARE = ['uefi', 'bios'] as const;
export type Firmware = (typeof FIRMWARE)[number];

/** File systems a root can have. */
export const ROOT_FILE_SYSTEMS = ['ext4', 'xfs', 'btrfs'] as const;
export type RootFileSystem = (typeof ROOT_FILE_SYSTEMS)[number];

/** Where the root file system of a host is, when it is not what stands alone in a partition of a disk written whole. */
export interface RootPlace {
  /** Finds the root file system, and opens what it lies in: `root=UUID=… rw rd.luks.name=…`. */
  readonly kernelArguments: string;
  /** Whether its file system can seal files with fs-verity, and the host insists on it. */
  readonly isSealed: boolean;
  /** File systems besides the root that the host mounts. */
  readonly storage: StorageRequest;
  /** crypttab(5): what the host opens besides the root. */
  readonly crypttab: string;
}

/** A host to make from an image, wherever its files go. */
export interface HostRequest {
  readonly image: Reference;
  /** What the host follows once it runs; the image itself where absent. */
  readonly target?: Reference;
  /** A file instead of this machine's signature policy. */
  readonly signaturePolicy?: string | undefined;
  /** As Go writes it: `amd64`, `arm64`. */
  readonly architecture: string;
  /** Kernel arguments in addition to the image's own, in order. */
  readonly kernelArguments: readonly string[];
  /** Arguments of the image that are left out: `key`, whatever its value, or `key=value`. */
  readonly removedKernelArguments?: readonly string[];
  /** What the host becomes besides its image; nothing where absent. */
  readonly config?: ConfigFile;
  /** Object store kept between calls, so that layers seen once are not read again. */
  readonly storeDirectory: string;
  /** Where unfinished downloads are kept. */
  readonly cacheDirectory: string;
  /**
   * What UUIDs grow from; the image where absent, so that the same request gives the same bytes. Two disks of one machine must
   * not have the same ones: an installation gives a random text.
   */
  readonly identity?: string;
  /** A root made by somebody else; the second partition of the disk where absent. */
  readonly root?: RootPlace;
  /** Of a disk that is written whole: what the configuration says where absent, else what the image says, else ext4. */
  readonly rootFileSystem?: RootFileSystem | undefined;
}

/** Sizes of a disk. */
export interface DiskGeometry {
  /** Size of the whole disk; what two deployments need where absent. */
  readonly diskSizeBytes?: number;
  /** Size of the root partition; what the others leave where absent. */
  readonly rootSizeBytes?: number;
  /** Make file systems no larger than a first boot needs: the host grows them, the disk need not be cleared to its end. */
  readonly growsLater?: boolean;
}

/** A configuration that says what an installer makes of a machine. */
export interface InstallerFile {
  readonly kind: 'toml' | 'json';
  readonly bytes: Uint8Array;
  /** Nobody is asked: the disk is erased, and the machine goes on by itself. */
  readonly isUnattended: boolean;
  /** It says itself which disks are meant. */
  readonly namesDisks: boolean;
  /** What the machine does afterwards. */
  readonly finish?: 'reboot' | 'poweroff' | 'halt';
}

/** An image a medium can install besides the one it starts. */
export interface Payload {
  /** What it is chosen by: `slipway.payload=NAME`. */
  readonly name: string;
  /** What a host installed from it follows as well. */
  readonly image: Reference;
}

/** A live system to make from an image. */
export interface MediumRequest extends HostRequest {
  readonly payloads?: readonly Payload[];
  /** Goes onto the medium as it is; the installer asks where absent. */
  readonly installer?: InstallerFile;
}

/** A disk, or several forms of it, to make from an image. */
export interface DiskRequest extends MediumRequest, DiskGeometry {
  readonly types: readonly DiskType[];
  /** Where the disks go; made when it is not there. */
  readonly outputDirectory: string;
  /** Take the SHA-256 of every written disk, and write SHA256SUMS beside them. */
  readonly checksums?: boolean;
  /** Pack the raw disk with zstd. */
  readonly zstd?: boolean;
  /** Where it is remembered which disks were made of what; nothing is remembered where absent. */
  readonly recordDirectory?: string;
}

/** One written disk. */
export interface WrittenDisk {
  readonly type: DiskType;
  readonly path: string;
  /** What the machine sees. */
  readonly diskSizeBytes: number;
  /** Lower-case hex over the file, where it was asked for: of a large raw disk it takes longer than writing it. */
  readonly sha256: string | undefined;
}

/** The root of a disk. */
export interface WrittenRoot {
  readonly fileSystem: RootFileSystem;
  /** Whether its files are sealed with fs-verity, and the host insists on it. */
  readonly sealed: boolean;
}

/** What was made, for people and for pipelines. */
export interface DiskRecord {
  readonly image: string;
  readonly target: string;
  readonly manifestDigest: string;
  /** SHA-256 over everything the disks were made of: equal digests, equal bytes. */
  readonly inputDigest: string;
  readonly version: string | undefined;
  readonly deployment: string;
  readonly kernel: string;
  readonly kernelCommandLine: string;
  /** What a machine may have to boot the disks: BIOS where the image carries the modules of GRUB (grub-pc-bin). */
  readonly firmware: readonly Firmware[];
  /** Of the disks; of media that install nothing is said. */
  readonly root: WrittenRoot | undefined;
  readonly disks: readonly WrittenDisk[];
}
