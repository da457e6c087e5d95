import { amountOf, shareOverTime } from './amount.ts';
import { DisruptionGroups } from './disruption-groups.ts';
import type { Look, Sight } from './look.ts';
import { type BatchTally, sizeOf } from './tally.ts';
import type { Explanation } from './types/decision.ts';
import type { Bandwidth, RolloutPolicy } from './types/policy.ts';
import type { RolloutState } from './types/state.ts';
import { WindowCalendar } from './windows.ts';

/** With only a total bandwidth, so many devices share it. */
const SHARES_OF_BANDWIDTH = 10;

/** How fast one device may download, and how many at once. */
export function bandwidthShares(bandwidth: Bandwidth | undefined): {
  readonly downloads: number;
  readonly bytesPerSecond?: number;
} {
  const { totalBytesPerSecond: total, deviceBytesPerSecond: device } = bandwidth ?? {};
  if (total === undefined)
    return {
      downloads: Number.POSITIVE_INFINITY,
      ...(device === undefined ? {} : { bytesPerSecond: device }),
    };
  if (device === undefined)
    return {
      downloads: SHARES_OF_BANDWIDTH,
      bytesPerSecond: Math.max(1, Math.floor(total / SHARES_OF_BANDWIDTH)),
    };
  return { downloads: Math.max(1, Math.floor(total / device)), bytesPerSecond: Math.min(device, total) };
}

/**
 * All budgets of a policy, as far as they are used up.
 *
 * `hold…` says why a device must wait, or nothing; `take…` uses the budgets up for one that was told.
 */
export class Limits {
  readonly #policy: RolloutPolicy;
  readonly #nowMs: number;
  readonly #downloadWindows: WindowCalendar;
  readonly #applyWindows: WindowCalendar;
  readonly #groups: DisruptionGroups;
  readonly #ignoresWindows: boolean;
  readonly #maxConcurrent: number;
  readonly #maxTold: number;
  readonly #share: number;
  readonly #hasSucceeded: boolean;
  readonly #recentApplies: number[];
  #active = 0;
  #staged = 0;
  #downloads = 0;
  #told = 0;
  #first = '';

  constructor(
    policy: RolloutPolicy,
    state: RolloutState,
    look: Look,
    tallies: readonly BatchTally[],
    nowMs: number,
  ) {
    this.#policy = policy;
    this.#nowMs = nowMs;
    this.#downloadWindows = new WindowCalendar(policy.downloadWindows, policy.timeZone);
    this.#applyWindows = new WindowCalendar(policy.applyWindows, policy.timeZone);
    this.#groups = new DisruptionGroups(policy.disruptionBudget, look.sights);
    const { deadline, rate } = policy;
    this.#ignoresWindows =
      deadline?.action === 'ignore-windows' && nowMs - (state.startedMs ?? nowMs) >= deadline.afterMs;
    const size = tallies.reduce((sum, batch) => sum + sizeOf(batch), 0);
    this.#maxConcurrent =
      policy.maxConcurrent === undefined
        ? Number.POSITIVE_INFINITY
        : Math.max(1, amountOf(policy.maxConcurrent, size, Math.floor) ?? Number.POSITIVE_INFINITY);
    this.#share = shareOverTime(policy.overTime, state.activeMs);
    this.#maxTold =
      policy.overTime === undefined ? Number.POSITIVE_INFINITY : Math.floor(this.#share * size + 1e-9);
    this.#hasSucceeded = tallies.some(({ succeeded }) => succeeded > 0);
    this.#recentApplies =
      rate === undefined ? [] : state.recentApplies.filter((atMs) => atMs > nowMs - rate.periodMs);
    for (const sight of look.sights) this.#count(sight);
  }

  /** When devices were told to restart, as far back as the rate looks. */
  get recentApplies(): readonly number[] {
    return this.#recentApplies;
  }

  get bytesPerSecond(): number | undefined {
    return bandwidthShares(this.#policy.bandwidth).bytesPerSecond;
  }

  /** Windows need no other device to be known. */
  holdForWindow(kind: 'download' | 'apply', { device }: Sight): Explanation | undefined {
    if (this.#ignoresWindows) return undefined;
    const calendar = kind === 'download' ? this.#downloadWindows : this.#applyWindows;
    const opening = calendar.at(device.timeZone, this.#nowMs);
    if (opening.isOpen) return undefined;
    const { opensMs } = opening;
    return {
      code: kind === 'download' ? 'download-window' : 'apply-window',
      ...(opensMs === undefined ? {} : { opensMs }),
    };
  }

  holdStage({ record }: Sight): Explanation | undefined {
    if (this.#policy.firstAlone && !this.#hasSucceeded && this.#active + this.#staged > 0) {
      return { code: 'first-alone', first: this.#first };
    }
    if (record.attempt === 0 && this.#told + 1 > this.#maxTold)
      return { code: 'over-time', share: this.#share };
    const concurrency = this.#holdConcurrency();
    if (concurrency !== undefined) return concurrency;
    const { downloads } = bandwidthShares(this.#policy.bandwidth);
    return this.#downloads >= downloads ? { code: 'bandwidth', downloads } : undefined;
  }

  takeStage({ record, device }: Sight): void {
    this.#active += 1;
    this.#downloads += 1;
    if (record.attempt === 0) this.#told += 1;
    this.#first = device.id;
  }

  holdApply(sight: Sight): Explanation | undefined {
    if (this.#policy.firstAlone && !this.#hasSucceeded && this.#active > 0) {
      return { code: 'first-alone', first: this.#first };
    }
    return this.#holdConcurrency() ?? this.#holdRate() ?? this.#groups.hold(sight.device);
  }

  takeApply({ device }: Sight): void {
    this.#active += 1;
    this.#staged -= 1;
    this.#recentApplies.push(this.#nowMs);
    this.#groups.take(device);
    this.#first = device.id;
  }

  /** On the way back neither windows nor rates count: the image is bad. */
  holdRollback({ record, device }: Sight): Explanation | undefined {
    // One that is already restarting keeps the place it has.
    const hasPlace = record.stage === 'applying' || record.stage === 'proving';
    if (hasPlace) return undefined;
    return this.#holdConcurrency() ?? this.#groups.hold(device);
  }

  takeRollback({ record, device }: Sight): void {
    if (record.stage === 'applying' || record.stage === 'proving') return;
    this.#active += 1;
    this.#groups.take(device);
  }

  #holdConcurrency(): Explanation | undefined {
    return this.#active >= this.#maxConcurrent
      ? { code: 'concurrency', limit: this.#maxConcurrent }
      : undefined;
  }

  #holdRate(): Explanation | undefined {
    const { rate } = this.#policy;
    if (rate === undefined || this.#recentApplies.length < rate.count) return undefined;
    const oldest = this.#recentApplies[this.#recentApplies.length - rate.count] ?? this.#nowMs;
    return { code: 'rate', nextMs: oldest + rate.periodMs };
  }

  #count({ record, standing }: Sight): void {
    if (record.attempt > 0 && standing.kind !== 'out') this.#told += 1;
    if (record.stage === 'staged') this.#staged += 1;
    if (standing.kind !== 'active') return;
    this.#active += 1;
    if (record.stage === 'downloading') this.#downloads += 1;
    this.#first = record.device;
  }
}
