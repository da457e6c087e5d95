export {
  type Answer,
  type CallHeaders,
  type CallInput,
  type ClientOptions,
  type ClientRequest,
  type ClientResponse,
  FleetClient,
  FleetProblem,
  fetchTransport,
  type Transport,
} from './client.ts';
export { openApiDocument } from './openapi.ts';
export {
  type AuditRecord,
  type AuditVerdict,
  auditRecordSchema,
  auditVerdictSchema,
} from './resources/audit.ts';
export {
  type CheckIn,
  type CheckInAnswer,
  checkInAnswerSchema,
  checkInSchema,
  type IssuedCertificate,
  issuedCertificateSchema,
} from './resources/check-in.ts';
export { type ConfigFile, type GitSource, type HttpSource, isRelativePath } from './resources/config-file.ts';
export {
  type DesiredApp,
  type DesiredFile,
  type DesiredState,
  desiredFileSchema,
  desiredStateSchema,
} from './resources/desired-state.ts';
export {
  CONNECTION_STATES,
  type ConnectionState,
  type Device,
  type DeviceInput,
  type DeviceSpec,
  type DeviceStatus,
  deviceInputSchema,
  deviceSchema,
  type TimelineEntry,
  timelineEntrySchema,
  UPDATE_STATES,
  type UpdateState,
} from './resources/device.ts';
export {
  type CheckReport,
  type DeviceReport,
  deviceReportSchema,
  type ReportedFailure,
  UPDATE_PHASES,
  type UpdatePhase,
  type UpdateReport,
} from './resources/device-report.ts';
export {
  type Enrolment,
  type EnrolmentAnswer,
  type EnrolmentApproval,
  type EnrolmentAsk,
  type EnrolmentSpec,
  type EnrolmentStatus,
  type EnrolmentToken,
  type EnrolmentTokenInput,
  enrolmentAnswerSchema,
  enrolmentApprovalSchema,
  enrolmentAskSchema,
  enrolmentSchema,
  enrolmentTokenInputSchema,
  enrolmentTokenSchema,
  type NewEnrolmentToken,
  newEnrolmentTokenSchema,
} from './resources/enrolment.ts';
export { type FleetEvent, fleetEventSchema } from './resources/event.ts';
export {
  type DeviceCounts,
  deviceCountsSchema,
  type Fleet,
  type FleetApp,
  type FleetInput,
  type FleetSpec,
  type FleetStatus,
  fleetInputSchema,
  fleetSchema,
} from './resources/fleet.ts';
export {
  type GitChange,
  type GitProblem,
  type GitRepository,
  type GitRepositoryInput,
  type GitRepositorySpec,
  type GitRepositoryStatus,
  gitRepositoryInputSchema,
  gitRepositorySchema,
} from './resources/git-repository.ts';
export {
  type Grant,
  grantSchema,
  type Organisation,
  type OrganisationInput,
  type OrganisationSpec,
  type OrganisationStatus,
  organisationInputSchema,
  organisationSchema,
  passwordSchema,
  type Role,
  type RoleInput,
  type RoleSpec,
  type RoleStatus,
  roleInputSchema,
  roleSchema,
  type User,
  type UserInput,
  type UserSpec,
  type UserStatus,
  userInputSchema,
  userSchema,
} from './resources/identity.ts';
export { type ImageRef, imageRefSchema } from './resources/image.ts';
export {
  type Labels,
  labelNameFault,
  labelNameSchema,
  labelsSchema,
  labelValueFault,
} from './resources/labels.ts';
export {
  type DeviceSelection,
  deviceSelectionSchema,
  type Operation,
  operationSchema,
} from './resources/operation.ts';
export {
  type Health,
  healthSchema,
  type Lock,
  lockSchema,
  type Overview,
  overviewSchema,
} from './resources/overview.ts';
export { type ListQuery, listQuerySchema, listQueryShape, type Page, pageSchema } from './resources/page.ts';
export { BUILT_IN_ROLES, PERMISSIONS, type Permission, permissionSchema } from './resources/permission.ts';
export {
  type Batch,
  type Policy,
  type PolicyInput,
  type PolicySpec,
  type PolicyStatus,
  policyInputSchema,
  policySchema,
  policySpecSchema,
  type Window,
} from './resources/policy.ts';
export { type Problem, problemSchema } from './resources/problem.ts';
export {
  type Release,
  type ReleaseGraph,
  type ReleaseImage,
  type ReleaseInput,
  type ReleaseSpec,
  type ReleaseStatus,
  type Risk,
  releaseGraphSchema,
  releaseInputSchema,
  releaseSchema,
  type UpdatePayload,
} from './resources/release.ts';
export {
  API_VERSION,
  type Metadata,
  type MetadataInput,
  metadataSchema,
  type Resource,
  type ResourceInput,
  resourceInputSchema,
  resourceSchema,
} from './resources/resource.ts';
export {
  type BatchStatus,
  type Reason,
  ROLLOUT_STATES,
  type Rollout,
  type RolloutCounts,
  type RolloutDevice,
  type RolloutInput,
  type RolloutPlan,
  type RolloutSpec,
  type RolloutState,
  type RolloutStatus,
  reasonSchema,
  rolloutCountsSchema,
  rolloutDeviceSchema,
  rolloutInputSchema,
  rolloutPlanSchema,
  rolloutSchema,
} from './resources/rollout.ts';
export {
  countSchema,
  digestSchema,
  lineSchema,
  nameSchema,
  percentSchema,
  secondsSchema,
  textSchema,
  timeSchema,
  timeZoneSchema,
} from './resources/scalars.ts';
export {
  isSelectorProblem,
  type LabelCondition,
  matchesLabels,
  parseSelector,
  type SelectorProblem,
  selectorSchema,
} from './resources/selector.ts';
export {
  type DeviceLogin,
  type DeviceLoginPoll,
  deviceLoginPollSchema,
  deviceLoginSchema,
  type Login,
  type LoginMethods,
  loginMethodsSchema,
  loginSchema,
  type NewSession,
  newSessionSchema,
  type Session,
  sessionSchema,
} from './resources/session.ts';
export {
  type DeviceSshAnswer,
  type DeviceSshAsk,
  type SshAuthorities,
  type SshCertificate,
  type SshCertificateAsk,
  type SshRevocations,
} from './resources/ssh.ts';
export {
  type FilledTemplate,
  fillTemplate,
  type TemplateDevice,
  templateFault,
} from './resources/template.ts';
export {
  type NewToken,
  newTokenSchema,
  type Token,
  type TokenInput,
  tokenInputSchema,
  tokenSchema,
} from './resources/token.ts';
export {
  type Webhook,
  type WebhookDelivery,
  type WebhookInput,
  type WebhookSpec,
  type WebhookStatus,
  webhookDeliverySchema,
  webhookInputSchema,
  webhookSchema,
} from './resources/webhook.ts';
export { AGENT_ROUTES, type AgentCalls } from './routes/agent-routes.ts';
export {
  type ActionCall,
  actionRoute,
  type DeleteCall,
  type DryRunQuery,
  deleteRoute,
  type GetCall,
  getRoute,
  type ListCall,
  listRoute,
  type PutCall,
  putRoute,
} from './routes/crud.ts';
export { DEVICE_ROUTES, type DeviceCalls, type DeviceListQuery } from './routes/device-routes.ts';
export { ENROLMENT_ROUTES, type EnrolmentCalls } from './routes/enrolment-routes.ts';
export { FLEET_ROUTES, type FleetCalls } from './routes/fleet-routes.ts';
export { GIT_ROUTES, type GitCalls } from './routes/git-routes.ts';
export { IDENTITY_ROUTES, type IdentityCalls } from './routes/identity-routes.ts';
export { ROLLOUT_ROUTES, type RolloutCalls, type RolloutListQuery } from './routes/rollout-routes.ts';
export {
  type AnyRoute,
  type CallShape,
  may,
  type NameParams,
  type RefusalStatus,
  type RouteAccess,
  type RouteMethod,
  type RouteSpec,
  type RouteTable,
} from './routes/route.ts';
export { type EventQuery, SERVER_ROUTES, type ServerCalls } from './routes/server-routes.ts';
export { type OidcCallback, SESSION_ROUTES, type SessionCalls } from './routes/session-routes.ts';
export { SSH_ROUTES, type SshCalls } from './routes/ssh-routes.ts';
export { allRoutes, type Calls, pathParams, ROUTES, type RouteId } from './routes/table.ts';
export { WEBHOOK_ROUTES, type WebhookCalls } from './routes/webhook-routes.ts';
