import { roundUp } from '@slipway/core';
import {
  type ContainerIdentity,
  type DiskTarget,
  type OvaMachine,
  openFixedVhdTarget,
  openGceTarget,
  openOvaTarget,
  openQcow2Target,
  openRawTarget,
  openRawZstdTarget,
  openVhdxTarget,
  openVmdkTarget,
} from '@slipway/disk';
import { type DiskFormatName, type DiskType, isDiskFormat } from './request.ts';

/** A form of a disk: what its file is called, which sizes it can have, and where the bytes of the disk go. */
export interface DiskFormat {
  readonly fileName: string;
  /** The disk is whole multiples of this. */
  readonly unitBytes: number;
  open(
    path: string,
    sizeBytes: number,
    identity: ContainerIdentity,
    machine: OvaMachine,
  ): Promise<DiskTarget>;
}

const SECTOR_BYTES = 512;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

const RAW: DiskFormat = { fileName: 'disk.raw', unitBytes: SECTOR_BYTES, open: openRawTarget };
const RAW_ZSTD: DiskFormat = {
  fileName: 'disk.raw.zst',
  unitBytes: SECTOR_BYTES,
  open: openRawZstdTarget,
};

const FORMATS: Readonly<Record<DiskFormatName, DiskFormat>> = {
  raw: RAW,
  qcow2: {
    fileName: 'disk.qcow2',
    unitBytes: SECTOR_BYTES,
    open: (path, sizeBytes) => openQcow2Target(path, sizeBytes),
  },
  vmdk: { fileName: 'disk.vmdk', unitBytes: SECTOR_BYTES, open: openVmdkTarget },
  vhd: { fileName: 'disk.vhd', unitBytes: MIB, open: openFixedVhdTarget },
  vhdx: { fileName: 'disk.vhdx', unitBytes: SECTOR_BYTES, open: openVhdxTarget },
  // What Amazon imports is the raw disk; under a name of its own, so that both may be asked for.
  ami: { ...RAW, fileName: 'disk.ami.raw' },
  gce: { fileName: 'disk.tar.gz', unitBytes: GIB, open: openGceTarget },
  ova: { fileName: 'disk.ova', unitBytes: SECTOR_BYTES, open: openOvaTarget },
};

/** The form a type is written in. */
export function diskFormat(
  type: DiskFormatName,
  { zstd }: { readonly zstd?: boolean | undefined },
): DiskFormat {
  return type === 'raw' && zstd === true ? RAW_ZSTD : FORMATS[type];
}

/** The next size from `sizeBytes` that every one of the types can have. */
export function roundUpForTypes(sizeBytes: number, types: readonly DiskType[]): number {
  return roundUp(
    sizeBytes,
    Math.max(SECTOR_BYTES, ...types.filter(isDiskFormat).map((type) => FORMATS[type].unitBytes)),
  );
}
