import type { Reference } from '@slipway/oci';
import type { DiskSelection } from '../kickstart/disk-selection.ts';
import type { KickstartScript } from '../kickstart/plan.ts';
import type { HostRequest, RootFileSystem } from '../request.ts';

/** How what is below the root file system is made. */
export const BLOCK_SETUPS = ['direct', 'tpm2-luks'] as const;
export type BlockSetup = (typeof BLOCK_SETUPS)[number];

/** An image to put on a machine: what does not depend on where. */
export interface InstallRequest extends HostRequest {
  readonly target: Reference;
  /** Ask whether `target` can be reached, where it is another than `image`. */
  readonly checksTarget: boolean;
}

/** An image to put on a disk. */
export interface DiskInstallRequest extends InstallRequest {
  /** A block device, or a file that stands for one. */
  readonly device: string;
  /** Whether `device` is a file. */
  readonly isFile: boolean;
  /** Everything that is on the disk, and on every other one the configuration names, may be erased. */
  readonly mayWipe: boolean;
  /** The disks a file lets an installer use, and which of them may be erased. All, and none, where absent. */
  readonly selection?: DiskSelection | undefined;
  readonly rootSizeBytes?: number;
  readonly rootFileSystem: RootFileSystem;
  readonly blockSetup: BlockSetup;
  /** Of a kickstart file, in its order; those that run before anything is known of the installation have run already. */
  readonly scripts?: readonly KickstartScript[];
}

/** An image to put into the root of a system that runs. */
export interface ExistingRootInstallRequest extends InstallRequest {
  /** Where that root is: `/`, or where a container sees it. */
  readonly path: string;
  readonly acknowledgesDestruction: boolean;
}

/** An image a host begins anew with. */
export interface ResetRequest extends InstallRequest {
  /** The root is found as it is now; else by what else is on the command line. */
  readonly keepsRootArguments: boolean;
}

/** An image to put into file systems that are there. */
export interface FilesystemInstallRequest extends InstallRequest {
  /** Where the root is mounted. */
  readonly path: string;
  /** What `root=` says; nothing is said where it is empty, its UUID where absent. */
  readonly rootMountSpec: string | undefined;
  /** What the host mounts at `/boot`; what the boot loader was started from where absent. */
  readonly bootMountSpec: string | undefined;
  /** What becomes of what is there; it must be empty where absent. */
  readonly replace: 'wipe' | 'alongside' | undefined;
  readonly acknowledgesDestruction: boolean;
  /** Leave the file systems mounted for writing. */
  readonly skipsFinalize: boolean;
}
