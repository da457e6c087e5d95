export { type BaseImage, type BaseImageOptions, buildBaseImage } from './base-image.ts';
export type { BuilderName, Isolation } from './builder.ts';
export { buildContainerfile, type ContainerfileOptions } from './containerfile.ts';
export {
  type ComparedImage,
  type CompareRequest,
  compareImages,
  type FileCount,
  type ImageDifference,
  type KernelArgumentReader,
  type LabelChange,
  type TextDifference,
} from './diff/compare-images.ts';
export type { DownloadCost } from './diff/download-cost.ts';
export type { FileChange, FileChangeKind } from './diff/file-changes.ts';
export type { PackageChange, PackageDifference, PackageVersion } from './diff/package-changes.ts';
export type { BuiltImage, BuiltLayer } from './image-output.ts';
export { type InspectedRoot, type InspectRequest, inspectRoot } from './lint/inspect-root.ts';
export type { Lint, LintLevel } from './lint/lint.ts';
export { LINTS } from './lint/lint-table.ts';
export { type LintOutcome, type LintReport, type LintRequest, lintRoot } from './lint/run-lints.ts';
export { type RechunkRequest, rechunkImage } from './rechunk/rechunk-image.ts';
export type { LayerReport, RechunkReport } from './rechunk/write-rechunked.ts';
export { type BaseRecipe, baseRecipe, type DebianRelease } from './recipe.ts';
export type { RepackedImage } from './repack.ts';
