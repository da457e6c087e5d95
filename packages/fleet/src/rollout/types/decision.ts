import type { Risk } from '../../release/release.ts';
import type { DeviceRecord, RolloutState } from './state.ts';

/** Something one device is to be told. Stored together with the new state, in one transaction: then nobody is told twice. */
export type Decision =
  | {
      readonly kind: 'stage';
      readonly device: string;
      /** Names this order of this device for ever: what reports refer to. Staging and applying the same image share it. */
      readonly key: string;
      readonly version: string;
      readonly digest: string;
      readonly downloadBytesPerSecond?: number;
    }
  | { readonly kind: 'apply'; readonly device: string; readonly key: string; readonly digest: string }
  | { readonly kind: 'cancel'; readonly device: string; readonly key: string; readonly digest: string }
  /** Back to what it ran before; without a digest: to the previous deployment it has. */
  | { readonly kind: 'rollback'; readonly device: string; readonly key: string; readonly digest?: string };

/** What an explanation says besides its code. Moments in milliseconds since 1970. */
export interface ExplanationDetails {
  readonly 'up-to-date': object;
  readonly updated: { readonly sinceMs: number };
  readonly downloading: { readonly sinceMs: number };
  readonly applying: { readonly sinceMs: number };
  readonly proving: { readonly untilMs: number };
  readonly unhealthy: { readonly sinceMs: number };
  readonly failed: { readonly reason: string; readonly sinceMs: number };
  readonly cancelled: { readonly sinceMs: number };
  readonly reverting: { readonly sinceMs: number };
  readonly reverted: { readonly sinceMs: number };
  // The rollout does not go on.
  readonly paused: object;
  readonly halted: { readonly reason: string };
  readonly aborted: object;
  readonly 'rolling-back': object;
  // The device waits for its turn.
  readonly batch: { readonly batch: string; readonly after: string };
  readonly soak: { readonly batch: string; readonly untilMs: number };
  readonly approval: { readonly batch: string };
  readonly alert: { readonly alert: string };
  readonly 'download-window': { readonly opensMs?: number };
  readonly 'apply-window': { readonly opensMs?: number };
  readonly 'first-alone': { readonly first: string };
  readonly 'over-time': { readonly share: number };
  readonly concurrency: { readonly limit: number };
  readonly rate: { readonly nextMs: number };
  readonly 'disruption-budget': {
    readonly group: string;
    readonly unavailable: number;
    readonly size: number;
  };
  readonly bandwidth: { readonly downloads: number };
  // The device is left out.
  readonly offline: object;
  readonly held: { readonly reason: string; readonly untilMs?: number };
  readonly decommissioned: object;
  readonly 'no-digest': object;
  readonly 'unknown-digest': { readonly digest: string };
  readonly denied: { readonly digest: string };
  readonly 'unknown-target': { readonly version: string };
  readonly newer: { readonly version: string };
  readonly 'dead-end': { readonly version: string; readonly reason: string };
  readonly 'no-image': { readonly version: string; readonly architecture: string };
  readonly risk: { readonly risks: readonly Risk[] };
}

/** A small, fixed set: fit for the labels of a metric. */
export type ExplanationCode = keyof ExplanationDetails;

/** Why a device is where it is, and what has to happen next: one for every device, always. */
export type Explanation<Code extends ExplanationCode = ExplanationCode> = {
  [Each in Code]: { readonly code: Each } & ExplanationDetails[Each];
}[Code];

/** What is true of the world besides devices. */
export interface RolloutContext {
  readonly nowMs: number;
  /** Names of alerts that fire. */
  readonly firingAlerts: readonly string[];
  /** Images other rollouts found bad. */
  readonly deniedDigests: readonly string[];
}

/** What happened to the rollout itself, for history, notifications and audit. */
export type RolloutEvent =
  | { readonly kind: 'started' | 'completed' | 'rolled-back' }
  | { readonly kind: 'batch-started' | 'batch-finished'; readonly batch: string }
  | { readonly kind: 'halted'; readonly reason: string }
  | { readonly kind: 'rolling-back'; readonly reason: string }
  | { readonly kind: 'denied'; readonly digest: string; readonly reason: string };

/** The outcome of one step. */
export interface StepResult {
  readonly decisions: readonly Decision[];
  readonly state: RolloutState;
  /** Records that are not those of the old state: all that has to be written. */
  readonly changed: readonly DeviceRecord[];
  /** One for every device that was observed, and for every record. */
  readonly explanations: ReadonlyMap<string, Explanation>;
  readonly events: readonly RolloutEvent[];
}
