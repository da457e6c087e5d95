/** Where a rollout stands. */
export type RolloutPhase =
  | 'running'
  /** By a person: nobody is told anything new, those told go on. */
  | 'paused'
  /** By the rollout itself: too many failures, too few successes, or out of time. */
  | 'halted'
  /** Everybody who could be updated is; newcomers still are. */
  | 'complete'
  /** By a person: what could be cancelled is. For ever. */
  | 'aborted'
  /** Everybody is sent back. For ever: a device that comes back after weeks is sent back, too. */
  | 'rolling-back';

/** Where one device stands in a rollout. */
export type DeviceStage =
  | 'waiting'
  | 'downloading'
  | 'staged'
  | 'applying'
  /** It runs the new image, and must do so healthily for a while. */
  | 'proving'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'reverting'
  | 'reverted';

/** One device of a rollout, as it is kept. Changed ones are replaced, never changed in place. */
export interface DeviceRecord {
  readonly device: string;
  /** Place of its batch; the last is `rest`. */
  readonly batch: number;
  readonly stage: DeviceStage;
  /** How often it was told to stage something: counts up, part of every key. */
  readonly attempt: number;
  /** When it came to this stage. */
  readonly sinceMs: number;
  /** When it was last told something: what timeouts are measured from. */
  readonly toldMs?: number;
  /** What it booted before it was told anything: where a rollback leads. */
  readonly fromDigest?: string;
  /** What it booted when it was told the present hop. */
  readonly hopFromDigest?: string;
  /** What it was told to boot: the target, or a barrier on the way. */
  readonly toDigest?: string;
  readonly toVersion?: string;
  /** Why it failed, for people. */
  readonly failure?: string;
  /** It was told to go back: once is enough. */
  readonly revertTold?: boolean;
  /** Its failure was there when a person resumed the rollout: no longer counted. */
  readonly forgiven?: boolean;
}

/** Progress of one batch, in its order. */
export interface BatchRecord {
  readonly name: string;
  readonly startedMs?: number;
  /** When every condition was met but the soak. */
  readonly soakingSinceMs?: number;
  readonly finishedMs?: number;
  readonly approvedMs?: number;
}

/** All of a rollout that must be kept. The server stores it and hands it back: the engine has no memory. */
export interface RolloutState {
  readonly id: string;
  /** Version of the release everybody is sent to. */
  readonly target: string;
  /** Whether devices on newer releases are sent back to the target. */
  readonly allowDowngrade?: boolean;
  /** A person resumed the rollout after its deadline. */
  readonly deadlineWaived?: boolean;
  readonly phase: RolloutPhase;
  /** Why it is halted, or rolled back. */
  readonly halt?: { readonly reason: string; readonly atMs: number };
  /** When nobody was left to be sent back; again undefined when somebody turns up. */
  readonly rolledBackMs?: number;
  readonly startedMs?: number;
  /** How long it was running, pauses left out: what `overTime` grows by. */
  readonly activeMs: number;
  readonly steppedMs?: number;
  readonly batches: readonly BatchRecord[];
  /** When devices were told to restart, as far back as the rate looks, oldest first. */
  readonly recentApplies: readonly number[];
  /** Images this rollout found bad. */
  readonly deniedDigests: readonly string[];
  readonly devices: ReadonlyMap<string, DeviceRecord>;
}
