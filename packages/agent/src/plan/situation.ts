import type { DesiredState, DeviceReport, ImageRef, ReportedFailure, UpdatePhase } from '@slipway/fleet-api';

/** What a host shows when it is looked at. */
export interface ObservedHost {
  /** Another after every boot. */
  readonly bootId: string;
  readonly image: DeviceReport['image'];
  readonly health: DeviceReport['health'];
  /** Digest of the fleet's configuration that is in place. */
  readonly configDigest: string | null;
  /** Why an image of this host did not come up, when the host went back by itself. */
  readonly fallback: { readonly digest: string; readonly failure: ReportedFailure } | null;
  /** The rest of its report. */
  readonly about: Pick<
    DeviceReport,
    'agentVersion' | 'architecture' | 'timeZone' | 'etcDriftCount' | 'freeBytes' | 'sbomDigest' | 'facts'
  >;
}

/** An order of the fleet, and how far this host is with it. */
export interface UpdateRecord {
  readonly updateId: string;
  readonly image: ImageRef | null;
  readonly phase: UpdatePhase;
  readonly sinceMs: number;
  /** What ran when the order came. */
  readonly fromDigest: string | null;
  /** The boot in which a restart was asked for. */
  readonly restartedIn: string | null;
  /** Failed tries to bring the image, and when the next is. */
  readonly attempts: number;
  readonly retryAtMs: number;
  readonly healthySinceMs: number | null;
  readonly failure: ReportedFailure | null;
}

/** Configuration that is tried: it stays if the server is heard of again before the time is over. */
export interface ConfigurationTrial {
  /** Null: that there is none. */
  readonly digest: string | null;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** What the agent has to know after a reboot. */
export interface AgentRecord {
  readonly version: 1;
  readonly update: UpdateRecord | null;
  readonly trial: ConfigurationTrial | null;
  /** Configuration that was tried and reverted, or could not be written. */
  readonly rejected: { readonly digest: string | null; readonly failure: ReportedFailure } | null;
}

export const EMPTY_RECORD: AgentRecord = { version: 1, update: null, trial: null, rejected: null };

/** Everything a plan is made from. */
export interface Situation {
  readonly desired: DesiredState;
  readonly host: ObservedHost;
  readonly record: AgentRecord;
  readonly nowMs: number;
  /** When the last check-in that was answered began; null: none since the start. */
  readonly heardMs: number | null;
}
