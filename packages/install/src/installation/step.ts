import type { FsType } from '../config/types.ts';
import type { KickstartScript } from '../kickstart/plan.ts';

/** A partition as a plan shows it. */
export interface PlannedPartition {
  readonly number: number;
  readonly label: string;
  /** Type GUID. */
  readonly type: string;
  readonly uuid: string;
  readonly holds: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** One thing an installation does, in the order it is done; nothing in it is secret. */
export type InstallStep =
  | {
      /** Takes away what others recognise disks and partitions by, innermost first. */
      readonly kind: 'wipe-signatures';
      readonly paths: readonly string[];
    }
  | {
      /** Empties a file that stands for a disk; all of it then reads as zeros. */
      readonly kind: 'clear-file';
      readonly path: string;
      readonly sizeBytes: number;
    }
  | {
      /** Makes a stretch of a disk read as zeros: where file systems will be written, which rely on it. */
      readonly kind: 'clear';
      readonly path: string;
      readonly offsetBytes: number;
      readonly lengthBytes: number;
    }
  | {
      /** Writes partition table, boot partition and root in one pass. */
      readonly kind: 'write-disk';
      readonly path: string;
      readonly partitions: readonly PlannedPartition[];
    }
  | {
      /** Reads partition table and boot partition back from the disk. */
      readonly kind: 'verify-disk';
      readonly path: string;
    }
  | {
      /** Writes a partition table, and GRUB where there is a partition for it. */
      readonly kind: 'write-table';
      readonly path: string;
      readonly diskUuid: string;
      readonly sizeBytes: number;
      readonly partitions: readonly PlannedPartition[];
    }
  | {
      /** Makes the kernel see the new partitions. */
      readonly kind: 'read-table';
      readonly path: string;
    }
  | {
      /** Makes a RAID array of partitions. */
      readonly kind: 'make-array';
      readonly name: string;
      readonly level: string;
      readonly members: readonly string[];
      readonly spares: number;
    }
  | {
      /** Makes a LUKS2 volume and opens it at `/dev/mapper/<name>`. */
      readonly kind: 'encrypt';
      readonly device: string;
      readonly uuid: string;
      readonly name: string;
      /** What opens it besides: at least one of the three. */
      readonly hasPassphrase: boolean;
      readonly hasTpm2: boolean;
      readonly hasRecoveryKey: boolean;
    }
  | { readonly kind: 'make-group'; readonly name: string; readonly devices: readonly string[] }
  | {
      readonly kind: 'make-volume';
      readonly group: string;
      readonly name: string;
      /** All that is left where absent. */
      readonly sizeBytes: number | undefined;
    }
  | {
      readonly kind: 'make-file-system';
      readonly device: string;
      readonly fileSystem: FsType;
      readonly uuid: string;
      readonly label: string | undefined;
    }
  | { readonly kind: 'make-subvolumes'; readonly device: string; readonly names: readonly string[] }
  | {
      readonly kind: 'mount';
      readonly device: string;
      readonly fileSystem: FsType;
      readonly options: string | undefined;
      /** Which of the trees of a new host it belongs to, and where below it. */
      readonly tree: 'root' | 'boot' | 'boot-copies';
      readonly at: string;
    }
  | {
      /** Removes files and directories with everything below them, on their own file system only. */
      readonly kind: 'remove';
      readonly paths: readonly string[];
    }
  | {
      /** Trims file systems, writes everything to the disk, and makes them read-only. */
      readonly kind: 'finalize';
      readonly paths: readonly string[];
    }
  | {
      /** Writes the files of the new host into what is mounted, the boot entry last. */
      readonly kind: 'write-host';
      readonly root: string;
      readonly boot: string;
      /** Boot partitions of other disks, which get the same. */
      readonly bootCopies?: readonly string[];
      /** What is removed from the boot partition once the root is written, right before the boot partition is. */
      readonly replaced?: readonly string[];
    }
  | {
      /** Puts the new system together below `system`, as its initramfs will: image, `/etc`, `/var`, and what scripts expect of a system. */
      readonly kind: 'mount-system';
      readonly deployment: string;
    }
  | {
      /** Runs a script of a kickstart file. */
      readonly kind: 'run-script';
      /** Its place among the scripts of the installation. */
      readonly index: number;
      readonly when: KickstartScript['when'];
      readonly interpreter: string;
      readonly inNewSystem: boolean;
      readonly stopsOnError: boolean;
      readonly file: string;
      readonly line: number;
    }
  | {
      /** Unmounts and closes everything. */
      readonly kind: 'release';
    };

export type StepKind = InstallStep['kind'];
export type StepOf<K extends StepKind> = Extract<InstallStep, { readonly kind: K }>;
