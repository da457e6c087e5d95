export {
  type CreateDeltaOptions,
  type CreatedDelta,
  createDelta,
  type DeltaSide,
} from './delta/create-delta.ts';
export { type FoundDelta, listDeltas } from './delta/find-deltas.ts';
export { pushDelta } from './delta/push-delta.ts';
export { DigestStore } from './directory/digest-store.ts';
export type { ObjectSink } from './directory/file-body.ts';
export { type ScanDirectoryOptions, scanDirectory } from './directory/scan-directory.ts';
export { readDumpFile } from './dump/dump-file.ts';
export { escapeBytes } from './dump/escape.ts';
export { parseDump, readDump } from './dump/parser.ts';
export { writeDump } from './dump/writer.ts';
export type { LeafFacts, TreeFacts, TreeWithFacts } from './erofs/facts.ts';
export type { FormatVersion } from './erofs/format.ts';
export {
  type ErofsContents,
  readErofs,
  readErofsContents,
  readErofsPart,
  type StoredDirectory,
} from './erofs/reader.ts';
export { type WriteErofsOptions, writeErofs } from './erofs/writer.ts';
export { type BootImage, createBootImage } from './import/boot-image.ts';
export { type BootTreeOptions, bootTree } from './import/boot-transform.ts';
export { checkArchitecture, findKernel, type ImageKernel, MODULES_DIRECTORY } from './import/bootable.ts';
export {
  configStreamName,
  type ImportedImage,
  type ImportImageOptions,
  importImage,
  manifestStreamName,
} from './import/import-image.ts';
export type { ImportedLayer } from './import/import-layers.ts';
export { ENTRY_LIMIT, INLINE_LIMIT_BYTES, type LayerEntry } from './import/layer-entry.ts';
export { layerStreamName } from './import/layer-record.ts';
export { LayeredTree } from './import/layered-tree.ts';
export { dumpImage } from './inspect/dump-image.ts';
export { type ImageFile, readImageFile } from './inspect/image-file.ts';
export { type ImageSummary, type InodeKind, summarizeImage } from './inspect/image-summary.ts';
export { type ImageTarget, openImageTarget } from './inspect/image-target.ts';
export { type ListedName, listingLine, listTree } from './inspect/list-tree.ts';
export { missingObjects, treeObjects } from './inspect/tree-objects.ts';
export { checkRepositoryMeta } from './repository/check-meta.ts';
export type { FsckFinding, FsckOptions } from './repository/fsck.ts';
export type { GarbageOptions, GarbageReport } from './repository/gc.ts';
export { type InitOptions, initRepository } from './repository/init.ts';
export type { LockOptions, RepositoryLock } from './repository/lock.ts';
export type { VerityPolicy } from './repository/meta.ts';
export { fileObject, fileSize, readFile } from './repository/node-content.ts';
export type { Reachable, Roots } from './repository/reachable.ts';
export type { StreamReference } from './repository/references.ts';
export { openRepository, Repository } from './repository/repository.ts';
export type { SealingState } from './repository/sealing.ts';
export type { Splitstream } from './repository/splitstream.ts';
export { type DocumentStream, writeDocumentStream } from './repository/splitstream-writer.ts';
export type { RepositoryStatistics } from './repository/statistics.ts';
export { type NamedStream, type PutObject, Store } from './repository/store.ts';
export {
  compressChunk,
  type RecordChunk,
  type StreamContent,
  type StreamRecord,
} from './repository/stream-record.ts';
export type { FileKind } from './selinux/file-contexts.ts';
export { type FileReader, readImagePolicy } from './selinux/image-policy.ts';
export { type Labels, labelTree } from './selinux/label-tree.ts';
export { directoryMember, leafMember, linkMember } from './tar-members.ts';
export type {
  ByteString,
  DeviceNode,
  DirectoryNode,
  FileContent,
  LeafNode,
  Metadata,
  RegularNode,
  SpecialNode,
  SymlinkNode,
  TreeNode,
} from './tree.ts';
export {
  type FoundNode,
  type LookupOptions,
  lookupDirectory,
  lookupPath,
  type WalkStep,
  walkTree,
} from './tree-path.ts';
export {
  algorithmOfDigest,
  digestBytesOf,
  VERITY_BLOCK_BYTES,
  type VerityAlgorithm,
} from './verity/algorithm.ts';
export { type MerkleTree, merkleTree, treeOfLeaves, VerityHasher } from './verity/hasher.ts';
export { type FilePart, loadParts } from './verity/load-parts.ts';
export { imageId, type Measurement, measureBytes, measureStream } from './verity/measure.ts';
export { measureFile } from './verity/measure-file.ts';
export { type LoadedParts, VerityPool } from './verity/verity-pool.ts';
