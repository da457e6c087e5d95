export { listBlockDevices } from './block/list-devices.ts';
export { buildDisks } from './build-disks.ts';
export { configJsonSchema } from './config/json-schema.ts';
export { type ConfigFile, configOf, loadConfig } from './config/load-config.ts';
export { findGrubMedium } from './grub-loader.ts';
export { planWords } from './installation/describe.ts';
export { type DiskVerdict, judgeDisks, verdictWords } from './installation/disk-verdict.ts';
export { finalizeFilesystem } from './installation/finalize-filesystem.ts';
export { withWishes } from './installation/host-wishes.ts';
export { type InstallConfiguration, installConfiguration } from './installation/install-configuration.ts';
export { namedDisks } from './installation/install-disks.ts';
export { installReset, type ResetRecord } from './installation/install-reset.ts';
export { type InstallRecord, installToDisk } from './installation/install-to-disk.ts';
export { installToExistingRoot } from './installation/install-to-existing-root.ts';
export { installToFilesystem } from './installation/install-to-filesystem.ts';
export { checkInstalled, type InstalledHost } from './installation/installed-host.ts';
export {
  meantDisk,
  readyKickstart,
  runErrorScripts,
} from './installation/kickstart-run.ts';
export {
  BLOCK_SETUPS,
  type BlockSetup,
  type DiskInstallRequest,
  type InstallRequest,
} from './installation/request.ts';
export { describeKickstart } from './kickstart/describe.ts';
export { configuredSelection, type DiskSelection } from './kickstart/disk-selection.ts';
export { kickstartOf, type WrittenKickstart } from './kickstart/from-config.ts';
export { kickstartConfig, loadKickstart, problemLine } from './kickstart/load-kickstart.ts';
export type { KickstartPlan, KickstartScript } from './kickstart/plan.ts';
export type { KickstartProblem } from './kickstart/source.ts';
export { loadInstallerConfig, loadInstallerKickstart } from './medium/load-installer-file.ts';
export {
  DISK_TYPES,
  type DiskRecord,
  type DiskRequest,
  type DiskType,
  type InstallerFile,
  isDiskFormat,
  type Payload,
  ROOT_FILE_SYSTEMS,
  type RootFileSystem,
  type WrittenDisk,
  type WrittenRoot,
} from './request.ts';
