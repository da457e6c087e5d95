import type { Selector } from '../../selector/selector.ts';

/**
 * Everything that decides when which device is told to update, in one object.
 *
 * Times are in milliseconds, shares are numbers from 0 to 1. Every safety is optional but `successThreshold`; those that are set hold together:
 * the most careful wins.
 */
export interface RolloutPolicy {
  /** In this order. Devices no batch chooses, and those that come later, are updated in a last one, `rest`. */
  readonly batches: readonly BatchPolicy[];
  /** Besides batches: the share of all devices that may have been told, growing by time. Time in pause does not count. */
  readonly overTime?: { readonly startShare: number; readonly durationMs: number };
  /** After the last success of a batch, so long nothing goes on: for what only shows after a while. */
  readonly soakMs: number;
  /** Of the devices of a batch that came to an end, this share must have succeeded before the next begins. */
  readonly successThreshold: number;
  readonly errorThreshold?: ErrorThreshold;
  /** One device goes first, all alone, and must succeed. */
  readonly firstAlone: boolean;
  /** At most so many devices downloading or restarting at any moment. */
  readonly maxConcurrent?: Amount;
  /** In any period of that length, at most so many devices are told to restart. */
  readonly rate?: { readonly count: number; readonly periodMs: number };
  readonly disruptionBudget?: DisruptionBudget;
  /** When devices may download; without any: always. */
  readonly downloadWindows: readonly Window[];
  /** When devices may restart into the new image; without any: always. */
  readonly applyWindows: readonly Window[];
  /** IANA name, of devices that do not say theirs. */
  readonly timeZone: string;
  /** While one of these alerts fires, nobody is told anything; an empty list means any alert. */
  readonly alertGate?: { readonly alerts: readonly string[] };
  /** Whom a person has to let go. A batch may ask for itself. */
  readonly approval: 'none' | 'start' | 'every-batch';
  readonly deadline?: Deadline;
  readonly bandwidth?: Bandwidth;
  /** A device told to download, or to restart, that is not done so long after counts as failed. */
  readonly updateTimeoutMs: number;
  /** A device must have run the new image healthily for so long before it counts as a success. */
  readonly stableMs: number;
}

/** One batch: the devices that match, and how many of them. */
export interface BatchPolicy {
  /** Unique, for people: `canary`. */
  readonly name: string;
  readonly selector?: Selector;
  /** Of the devices that match, in numbers or as a share (rounded up); without either: all that are left. */
  readonly limit?: Amount;
  readonly successThreshold?: number;
  readonly soakMs?: number;
  readonly approval?: boolean;
}

/** When a rollout is stopped. Both limits may be set; the first that is reached counts. */
export interface ErrorThreshold {
  /** So many failures in all. */
  readonly count?: number;
  /** This share of the devices of one batch. */
  readonly share?: number;
  /** Stop, or stop and send everybody back. */
  readonly action: 'halt' | 'rollback';
}

/** How many devices of one place may be away at the same time, ours and others together. */
export interface DisruptionBudget {
  /** Devices with the same values of these labels are one group; none: all devices are one. */
  readonly groupBy: readonly string[];
  /** A number, or a share of the group: rounded down, but at least one, or a small group could never be updated. */
  readonly maxUnavailable?: Amount;
  readonly minAvailable?: number;
}

/** A window that opens again and again, in the time zone of each device. */
export interface Window {
  /** A cron pattern of five fields: `0 2 * * 1-5`. */
  readonly opens: string;
  readonly durationMs: number;
  /** Instead of the zone of the device. */
  readonly timeZone?: string;
}

/** What happens when time is up. */
export interface Deadline {
  /** After the start. */
  readonly afterMs: number;
  /** Windows hold nobody back any more (budgets still do), or nobody is told any more. */
  readonly action: 'ignore-windows' | 'halt';
}

/** How fast devices may download. */
export interface Bandwidth {
  /** All together. No device is given less than its share of a tenth, or than `deviceBytesPerSecond`: so it also says how many may download at once. */
  readonly totalBytesPerSecond?: number;
  readonly deviceBytesPerSecond?: number;
}

/** A number, a share of a whole, or both: then the smaller counts. */
export interface Amount {
  readonly count?: number;
  readonly share?: number;
}
