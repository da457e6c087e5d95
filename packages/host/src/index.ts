export { type AdoptionResult, type AdoptionStepTold, adoptHost } from './adopt/adopt.ts';
export { type GiveBackResult, type GiveBackStepTold, giveHostBack } from './adopt/give-back.ts';
export { type AllowResult, allowDenied } from './allow.ts';
export { type AppSummary, appSummary } from './apps/app-summary.ts';
export {
  type AppResult,
  installApp,
  listApps,
  recoverApps,
  removeApp,
  requireApp,
  revertApp,
} from './apps/app-verbs.ts';
export type { AppKind } from './apps/revision.ts';
export { systemdServices } from './apps/services.ts';
export {
  decideUpdate,
  type UpdateDecision,
  type UpdateSurroundings,
} from './auto-update/decide.ts';
export {
  type FleetLock,
  type FleetLockAnswer,
  reportSteady,
  requestReboot,
} from './auto-update/fleet-lock.ts';
export {
  readUpdatePolicy,
  type UpdateBlocker,
  type UpdateMode,
  type UpdatePolicy,
} from './auto-update/policy.ts';
export { readSurroundings } from './auto-update/surroundings.ts';
export type { CalendarWindow, Weekday } from './auto-update/window.ts';
export { type BlessResult, blessBoot } from './bless.ts';
export { copyBoot } from './boot-copies/copy-boot.ts';
export {
  type BootcBootEntry,
  type BootcHost,
  type BootcImageStatus,
  type SlipwayStatus,
  statusOfNoHost,
} from './bootc-host.ts';
export { type BootReport, recordBoot } from './booted.ts';
export { bootedDeploymentId } from './booted-id.ts';
export { checkUpdate, followedReference, type UpdateCheck } from './check.ts';
export type { DeploymentRole, ListedDeployment } from './choose-deployment.ts';
export { type CleanupResult, cleanUp, type DeleteResult, deleteDeployment } from './cleanup.ts';
export type { DeniedImage } from './denied.ts';
export {
  type Deployment,
  type DeploymentBootEntry,
  type HostState,
  nextEntryOf,
  readHostState,
  requireBootedId,
} from './deployment.ts';
export { kernelPair, originOf } from './deployment-plan.ts';
export { deploymentReference } from './deployment-reference.ts';
export { type HostDrift, hostDrift } from './drift.ts';
export type { EtcAspect, EtcDifference, EtcInode } from './etc-merge/compare.ts';
export type { EtcAccountMerge } from './etc-merge/merge-accounts.ts';
export type { EtcConflict } from './etc-merge/plan.ts';
export { type FactoryResetOutcome, finishFactoryReset } from './factory-reset/finish-factory-reset.ts';
export {
  cancelFactoryReset,
  type FactoryResetOptions,
  type FactoryResetPlan,
  requestFactoryReset,
} from './factory-reset/request-factory-reset.ts';
export { type FinalizeResult, finalizeStaged } from './finalize.ts';
export type { HostFinding } from './fsck/finding.ts';
export { type FsckResult, fsckHost } from './fsck/fsck-host.ts';
export { type AccountRepair, type RepairAccountsOptions, repairAccounts } from './fsck/repair-accounts.ts';
export { type CheckHealthOptions, checkHealth, followGoodBoot } from './health/check.ts';
export {
  type FailedBoot,
  type FailedBootDecision,
  type FailedBootOptions,
  readFailedBoot,
  recordFailedBoot,
} from './health/failed-boot.ts';
export type { CheckResult, HealthReport } from './health/report.ts';
export type { ScriptOptions, ScriptResult } from './health/run-scripts.ts';
export { type FallbackStory, fallbackWords } from './health/story.ts';
export { failedBootUnits } from './health/units.ts';
export {
  type HistoryEntry,
  type HistoryEvent,
  type HistoryRecord,
  historyLine,
  readHistory,
  recordsOfBoot,
} from './history.ts';
export { deploymentTitle, type FileReader, imagePrettyName, readImageText } from './image-file.ts';
export { firstCommandLine, imageKernelArguments, KARGS_DIRECTORY, parseKargsFile } from './image-kargs.ts';
export { type ImageSpec, imageSpecOf, referenceOf } from './image-spec.ts';
export {
  type CopiedDeployment,
  type CopyDeploymentRequest,
  copyDeployment,
} from './images/copy-deployment.ts';
export { type ImageListType, type ListedImage, listImages } from './images/list-images.ts';
export {
  type DeploymentPaths,
  type HostLayout,
  hostLayout,
  isDeploymentId,
  VAR_LINK_TARGET,
} from './layout.ts';
export { mountUsrOverlay } from './mount-usr-overlay.ts';
export { type OptionSourceRequest, type OptionSourceResult, setOptionsForSource } from './option-source.ts';
export { formatOrigin, type Origin, parseOrigin } from './origin.ts';
export { type PinResult, setPinned } from './pin.ts';
export { type ReleaseResult, releaseDownloaded } from './release-staged.ts';
export { type FreshHost, type HostReset, resetHost } from './reset.ts';
export { type RollbackResult, rollback } from './rollback.ts';
export {
  imageRootSetup,
  type Keeping,
  parseRootSetup,
  ROOT_SETUP_PATH,
  type RootSetup,
} from './root-setup.ts';
export { planSoftReboot, requestSoftReboot, type SoftRebootPlan, withdrawSoftReboot } from './soft-reboot.ts';
export type { BootSpace, LayerSpace } from './space.ts';
export { planSpecEdit, type SpecEdit } from './spec-edit.ts';
export { stageUpdate } from './stage.ts';
export type { StageRequest } from './stage-image.ts';
export type { StageResult } from './stage-result.ts';
export type { EtcPolicy, StagedUpdate } from './staged.ts';
export { hostStatus, publishStatus } from './status.ts';
export { type HostSystem, runningSystem } from './system.ts';
export { parseSystemdVersion } from './systemd-version.ts';
export { type DeploymentTrust, deploymentTrust, type ImageTrust } from './trust.ts';
export { type UnstageResult, unstage } from './unstage.ts';
export type { UsrOverlay } from './usr-overlay.ts';
