export { type AgentConfig, parseAgentConfig, readAgentConfig } from './config/agent-config.ts';
export type { AgentHost } from './host/agent-host.ts';
export { HOOK_DIRECTORIES } from './host/hooks.ts';
export { SlipwayHost, type SlipwayHostOptions } from './host/slipway-host.ts';
export { keepSshCertificates, type SshPlaces } from './host/ssh-certificates.ts';
export type { KeyChoice, KeyStorage } from './key/device-keys.ts';
export { Tpm } from './key/tpm.ts';
export { planStep } from './plan/plan-step.ts';
export {
  type AgentRecord,
  type ConfigurationTrial,
  EMPTY_RECORD,
  type ObservedHost,
  type Situation,
  type UpdateRecord,
} from './plan/situation.ts';
export type { Executors, HostStep, RecordStep, Step, WaitStep } from './plan/step.ts';
export { type EnrolOptions, enrol } from './protocol/enrol.ts';
export { FleetLink, type FleetLinkOptions } from './protocol/fleet-link.ts';
export { httpsExchange } from './protocol/https-exchange.ts';
export {
  type ClientCertificate,
  HttpsTransport,
  type HttpsTransportOptions,
} from './protocol/https-transport.ts';
export type { DeviceIdentity } from './protocol/identity.ts';
export { AgentFiles } from './record/agent-files.ts';
export { memoryRecordStore, type RecordStore } from './record/record-store.ts';
export { type AgentEnd, DeviceAgent, type DeviceAgentOptions } from './run/device-agent.ts';
export { consoleNotice, type LobbyNotice } from './run/lobby-notice.ts';
export { type RunAgentOptions, runAgent } from './run/run-agent.ts';
export { type FailureModel, NO_FAILURES } from './simulate/failure-model.ts';
export {
  type Simulation,
  type SimulationOptions,
  simulatedImage,
  startSimulation,
} from './simulate/simulate.ts';
export type { SimulationSummary } from './simulate/tally.ts';
