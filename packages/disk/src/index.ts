export { setBtrfsMetadata } from './btrfs/metadata.ts';
export { openGceTarget } from './container/gce.ts';
export type { ContainerIdentity } from './container/identity.ts';
export type { OvaMachine } from './container/ova/descriptor.ts';
export { openOvaTarget } from './container/ova/writer.ts';
export type { Qcow2Compression } from './container/qcow2/compression.ts';
export { openQcow2Source } from './container/qcow2/reader.ts';
export { openQcow2Target, type Qcow2Options } from './container/qcow2/writer.ts';
export { openRawTarget } from './container/raw.ts';
export { openRawZstdTarget } from './container/raw-zstd.ts';
export { teeTarget } from './container/tee.ts';
export { openDynamicVhdTarget } from './container/vhd/dynamic.ts';
export { openFixedVhdTarget } from './container/vhd/fixed.ts';
export { openVhdSource } from './container/vhd/reader.ts';
export { openVhdxSource } from './container/vhdx/reader.ts';
export { openVhdxTarget } from './container/vhdx/writer.ts';
export { openVmdkSource } from './container/vmdk/reader.ts';
export { openVmdkTarget } from './container/vmdk/writer.ts';
export { type DataRange, type PlacedBytes, placedContent } from './content.ts';
export { openDeviceTarget } from './device/device-target.ts';
export {
  bytesSource,
  type DiskSource,
  type OpenDiskSource,
  openRawSource,
  sourceWindow,
} from './device/source.ts';
export { type DiskTarget, type DiskWriter, windowOf } from './device/writer.ts';
export { type Ext4Options, type Ext4Plan, minimumExt4Bytes, planExt4 } from './ext4/plan.ts';
export { type Ext4Contents, readExt4 } from './ext4/read/tree.ts';
export { scanTree as scanExt4 } from './ext4/scan.ts';
export { writeExt4 } from './ext4/writer.ts';
export type { FatBits } from './fat/format.ts';
export { type FatOptions, type FatPlan, minimumFatBytes, planFat } from './fat/plan.ts';
export { type FatContents, readFat } from './fat/reader.ts';
export { writeFat } from './fat/writer.ts';
export { fileContent } from './file-content.ts';
export { PARTITION_ATTRIBUTES, PARTITION_TYPES } from './gpt/format.ts';
export {
  type GptLayout,
  type GptRequest,
  layoutGpt,
  type Partition,
  type PartitionRequest,
} from './gpt/layout.ts';
export type { HybridPartition } from './gpt/mbr.ts';
export { readGpt } from './gpt/reader.ts';
export { type GptDiskContents, type PartitionContent, writeGptDisk } from './gpt/writer.ts';
export type { BiosBoot, EfiBoot } from './iso9660/boot-catalog.ts';
export type { BootImage } from './iso9660/catalog-reader.ts';
export { type IsoOptions, type IsoPlan, planIso } from './iso9660/plan.ts';
export { type IsoContents, readIso } from './iso9660/reader.ts';
export type { IsoDirectory, IsoNode, IsoWrittenFile } from './iso9660/tree.ts';
export { writeIso } from './iso9660/writer.ts';
export { type SwapOptions, writeSwap } from './swap/swap.ts';
export type {
  DiskDevice,
  DiskDirectory,
  DiskFile,
  DiskMetadata,
  DiskNode,
  DiskSpecial,
  DiskSymlink,
} from './tree.ts';
export { deriveUuid } from './uuid.ts';
export { setXfsMetadata } from './xfs/metadata.ts';
export { isPlainName, standInName } from './xfs/stand-in.ts';
