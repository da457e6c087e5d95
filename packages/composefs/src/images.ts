/**
 * The part of this package that makes images, looks into them and measures files, and knows neither layers nor registries: a
 * command that does only that starts in half the time.
 */
export { DigestStore } from './directory/digest-store.ts';
export { scanDirectory } from './directory/scan-directory.ts';
export { readDumpFile } from './dump/dump-file.ts';
export { escapeBytes } from './dump/escape.ts';
export { readDump } from './dump/parser.ts';
export type { TreeWithFacts } from './erofs/facts.ts';
export type { FormatVersion } from './erofs/format.ts';
export { writeErofs } from './erofs/writer.ts';
export { dumpImage } from './inspect/dump-image.ts';
export { readImageFile } from './inspect/image-file.ts';
export { type ImageSummary, summarizeImage } from './inspect/image-summary.ts';
export { type ImageTarget, openImageTarget } from './inspect/image-target.ts';
export { type ListedName, listingLine, listTree } from './inspect/list-tree.ts';
export { missingObjects, treeObjects } from './inspect/tree-objects.ts';
export type { DirectoryNode } from './tree.ts';
export type { VerityAlgorithm } from './verity/algorithm.ts';
export { imageId } from './verity/measure.ts';
export { measureFile } from './verity/measure-file.ts';
