export { streamEvents } from './client/event-stream.ts';
export {
  type ClientCertificate,
  type HttpsTransportOptions,
  httpsTransport,
} from './client/https-transport.ts';
export {
  answerGraph,
  type GraphContext,
  type GraphQuery,
  type GraphResult,
  type GraphRollout,
  type GraphStream,
  parseGraphQuery,
  shareAt,
} from './compat/cincinnati.ts';
export {
  answerFleetLock,
  type FleetLockRequest,
  type FleetLockResult,
  type FleetLockState,
  type LockEvent,
  type LockGroup,
  type RebootLock,
  reapLocks,
} from './compat/fleet-lock.ts';
export type { HttpAnswer } from './compat/http.ts';
export { answerOmaha, type OmahaContext, type OmahaReport, type OmahaResult } from './compat/omaha/answer.ts';
export {
  MAX_REQUEST_BYTES,
  type OmahaAnswer,
  type OmahaApp,
  type OmahaEvent,
  type OmahaProgress,
  type OmahaRequest,
  type OmahaUpdate,
  progressOf,
} from './compat/omaha/format.ts';
export { readOmahaRequest } from './compat/omaha/reader.ts';
export { writeOmahaResponse } from './compat/omaha/writer.ts';
export { type BackupReport, backUpFleet, restoreFleet } from './database/backup.ts';
export { type FleetDatabase, openDatabase } from './database/database.ts';
export { type Demo, type DemoOptions, type DemoServer, startDemo } from './demo/demo.ts';
export {
  type Comparable,
  diffResources,
  type FieldChange,
  mergedResource,
  type ResourceChange,
  type Sides,
} from './gitops/diff-resources.ts';
export {
  isResourceFile,
  type ParsedResources,
  type Place,
  type PlacedResource,
  parseResources,
  type ResourceDocument,
  type ResourceProblem,
} from './gitops/parse-resources.ts';
export type { ProviderOptions } from './identity/oidc/provider-options.ts';
export { hasEdge, MAX_RELEASES, type ReleaseGraph, releaseGraph } from './release/graph.ts';
export { type Hop, type Path, type PathOptions, planPath, type Traveller } from './release/path.ts';
export {
  type DigestRole,
  type Release,
  type ReleaseDigest,
  type Risk,
  targetDigest,
} from './release/release.ts';
export { checkPolicy } from './rollout/check-policy.ts';
export { control, type RolloutCommand } from './rollout/control.ts';
export { deviceRank } from './rollout/device-order.ts';
export { explain } from './rollout/explain.ts';
export type { StepInput } from './rollout/look.ts';
export { newRollout } from './rollout/new-rollout.ts';
export type { Assumptions } from './rollout/plan/forecast.ts';
export {
  ASSUMPTIONS,
  type Plan,
  type PlannedBatch,
  type PlannedDevice,
  planRollout,
} from './rollout/plan/plan.ts';
export { step } from './rollout/step.ts';
export type {
  Decision,
  Explanation,
  ExplanationCode,
  RolloutContext,
  RolloutEvent,
  StepResult,
} from './rollout/types/decision.ts';
export type { DeviceObservation, DeviceReport } from './rollout/types/device.ts';
export type {
  Amount,
  Bandwidth,
  BatchPolicy,
  Deadline,
  DisruptionBudget,
  ErrorThreshold,
  RolloutPolicy,
  Window,
} from './rollout/types/policy.ts';
export type {
  BatchRecord,
  DeviceRecord,
  DeviceStage,
  RolloutPhase,
  RolloutState,
} from './rollout/types/state.ts';
export { isTimeZone, type Opening, WindowCalendar } from './rollout/windows.ts';
export { parseSelector, type SelectorResource, selectorOfResource } from './selector/parse-selector.ts';
export {
  EVERYTHING,
  formatSelector,
  type Labels,
  matches,
  type Requirement,
  type Selector,
} from './selector/selector.ts';
export { type FleetServer, type ServeFleetOptions, serveFleet } from './server/serve-fleet.ts';
