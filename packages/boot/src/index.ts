export {
  BOOTC_DEFAULT_OS,
  type BootcEntry,
  type BootcPlace,
  bootcEntry,
  isBootcEntry,
  isBootcEntryFile,
} from './bootc-entry.ts';
export { copyEsp } from './copies/copy-esp.ts';
export { type CopyVersion, readCopyVersion, writeCopyVersion } from './copies/copy-version.ts';
export { type EspContents, espSum, readEspContents } from './copies/esp-contents.ts';
export { copyDifferences } from './copies/plan-copy.ts';
export {
  makeDirectoryDurably,
  removeDirectoryDurably,
  removeFileDurably,
  renameFileDurably,
  syncDirectory,
  temporaryPathOf,
  writeFileDurably,
} from './durable-file.ts';
export {
  EFIVARS_DIRECTORY,
  type LoaderVariable,
  readLoaderVariable,
  type SettableLoaderVariable,
  setLoaderVariable,
} from './efi-variables.ts';
export {
  type BootEntry,
  type BootEntryField,
  bootEntryFiles,
  bootEntryOptions,
  bootEntryValue,
  type DeploymentEntry,
  deploymentEntry,
  formatBootEntry,
  parseBootEntry,
  SLIPWAY_SORT_KEY,
  withBootEntryOptions,
} from './entry.ts';
export { entryDeployment } from './entry-deployment.ts';
export {
  bootEntryText,
  removeBootEntry,
  renameBootEntry,
  writeBootEntry,
  writeLoaderConf,
} from './entry-files.ts';
export {
  BOOT_TRIES,
  type BootCounter,
  type EntryName,
  entrySequence,
  formatEntryName,
  parseEntryName,
  slipwayEntryName,
} from './entry-name.ts';
export { compareBootEntries, type OrderedEntry } from './entry-order.ts';
export {
  ESP_PATHS,
  type EspEntries,
  type EspEntry,
  type EspProblem,
  loaderConf,
  readBootEntries,
} from './esp.ts';
export { grubStartedEntry, withoutGrubArguments } from './grub/arguments.ts';
export { blessGrubEntry } from './grub/bless.ts';
export {
  assembleGrubCore,
  type GrubCore,
  type ReadGrubFile,
} from './grub/core-image.ts';
export { GRUB_MODULES } from './grub/menu.ts';
export type { GrubRefresh } from './grub/menu-files.ts';
export { type GrubMedium, grubMedium, type PlacedGrub, placeGrub } from './grub/placement.ts';
export { grubFiles, refreshGrubMenu } from './grub/refresh.ts';
export { mergeImageArguments } from './image-arguments.ts';
export {
  appendKernelArguments,
  type ComposefsArgument,
  composefsArgument,
  formatKernelCommandLine,
  type KernelArgument,
  type KernelCommandLine,
  kernelArgument,
  kernelArgumentValue,
  parseKernelCommandLine,
  removeKernelArgument,
  setKernelArgument,
  withComposefs,
} from './kernel-command-line.ts';
export {
  type KernelNaming,
  type KernelPaths,
  kernelDirectory,
  kernelNaming,
  kernelPaths,
} from './kernel-directory.ts';
export {
  bootDigest,
  checkBootSpace,
  holdsKernel,
  type KernelFile,
  type KernelPair,
  type KernelPlan,
  type KernelScope,
  kernelDirectorySizes,
  planKernel,
  removeUnusedKernels,
  writeKernel,
} from './kernel-files.ts';
export { LOADER_ARCHITECTURES, type LoaderNames, loaderNames } from './loader-names.ts';
export {
  entryOptionSources,
  type OptionSources,
  optionSourceFields,
  type SourcedOptions,
  setOptionSource,
  sourcedOptions,
  withSourcedOptions,
} from './option-sources.ts';
export { SUM_LEADS, type TextSum, textSum, withTextSum } from './text-sum.ts';
export { compareVersions } from './version-order.ts';
