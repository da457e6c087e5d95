/** What a plan of layered storage is made from, and what it is. */
import { SlipwayError } from '@slipway/core';
import type { Customizations, FsType } from '../config/types.ts';
import type { RootFileSystem, RootPlace } from '../request.ts';
import type { StorageNeed } from './image-storage.ts';
import type { BlockSetup } from './request.ts';
import type { InstallStep, StepOf } from './step.ts';

/** A disk as far as a plan needs to know it. */
export interface PlainDisk {
  readonly path: string;
  readonly sizeBytes: number;
}

/** What is asked for. */
export interface LayerRequest {
  /** The first carries everything that is put on no disk by name. */
  readonly disks: readonly [PlainDisk, ...PlainDisk[]];
  readonly customizations: Customizations;
  readonly rootFileSystem: RootFileSystem;
  readonly blockSetup: BlockSetup;
  readonly rootSizeBytes: number | undefined;
  readonly architecture: string;
  /** What every UUID grows from. */
  readonly seed: string;
}

/** What the image needs. */
export interface LayerNeeds {
  readonly espBytes: number;
  readonly rootLeastBytes: number;
  /** Whether the image carries GRUB, so that a BIOS can start it. */
  readonly hasGrub: boolean;
}

/** A file system of the new host. */
export interface PlannedVolume {
  readonly device: string;
  readonly fileSystem: FsType;
  readonly uuid: string;
  readonly label: string | undefined;
  readonly mountpoint: string | undefined;
  readonly options: string | undefined;
  /** The encrypted volumes it lies in. */
  readonly encryption: readonly StepOf<'encrypt'>[];
}

/** Storage that other programs make: what is done to the disks, and how the host finds it again. */
export interface LayerPlan {
  readonly steps: readonly InstallStep[];
  readonly volumes: readonly PlannedVolume[];
  /** Boot partitions: the same is written to all. */
  readonly esps: readonly [string, ...string[]];
  readonly root: RootPlace;
  readonly needs: ReadonlySet<StorageNeed>;
  /** Passphrases by UUID of the volume: the one thing that is in no step. */
  readonly passphrases: ReadonlyMap<string, string>;
}

/** Why storage cannot be laid out as it is asked for. */
export function unknownLayout(why: string): SlipwayError {
  return new SlipwayError('CONFIG_INVALID', `cannot lay out the disks: ${why}`);
}
