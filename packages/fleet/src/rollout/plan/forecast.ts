import { amountOf } from '../amount.ts';
import { groupName, isAvailable } from '../disruption-groups.ts';
import { bandwidthShares } from '../limits.ts';
import type { Sight } from '../look.ts';
import type { RolloutPolicy } from '../types/policy.ts';
import { WindowCalendar } from '../windows.ts';
import { EventQueue } from './event-queue.ts';
import { Lanes } from './lanes.ts';

/** How long things are taken to last. */
export interface Assumptions {
  readonly downloadMs: number;
  /** From the order to restart to the first look at the new system. */
  readonly applyMs: number;
}

/** When a device is expected to be told and to be done; absent: not within the time that is looked ahead. */
export interface Forecast {
  readonly device: string;
  readonly batch: number;
  readonly downloadMs?: number;
  readonly restartMs?: number;
  readonly doneMs?: number;
}

/** One device that takes part. */
export interface Participant {
  readonly sight: Sight;
  /** Images on its way; the last is the target. */
  readonly hops: number;
}

interface Travelling {
  readonly participant: Participant;
  readonly group: string;
  readonly zone: string;
  hopsLeft: number;
  downloadMs?: number;
  restartMs?: number;
  doneMs?: number;
}

type Event =
  | { readonly kind: 'downloaded' | 'proved'; readonly device: Travelling }
  | { readonly kind: 'open'; readonly of: 'downloads' | 'restarts'; readonly lane: string }
  | { readonly kind: 'look' };

/** Nobody plans further ahead. */
const HORIZON_MS = 2 * 365 * 86_400_000;

/** Plays one batch after the other with devices that do everything right, in time that costs nothing: each device is looked at a few times. */
export class Forecaster {
  readonly #policy: RolloutPolicy;
  readonly #assume: Assumptions;
  readonly #startMs: number;
  readonly #events = new EventQueue<Event>();
  readonly #downloads = new Lanes<Travelling>();
  readonly #restarts = new Lanes<Travelling>();
  readonly #downloadWindows: WindowCalendar;
  readonly #applyWindows: WindowCalendar;
  readonly #groups = new Map<string, { away: number; size: number; readonly lanes: Set<string> }>();
  readonly #applies: number[] = [];
  readonly #size: number;
  readonly #maxConcurrent: number;
  readonly #openings = { downloads: new Map<string, number>(), restarts: new Map<string, number>() };
  #lookMs = Number.NEGATIVE_INFINITY;
  #active = 0;
  #downloading = 0;
  #told = 0;
  #done = 0;
  #nowMs: number;

  constructor(
    policy: RolloutPolicy,
    assume: Assumptions,
    fleet: readonly Sight[],
    size: number,
    startMs: number,
  ) {
    this.#policy = policy;
    this.#assume = assume;
    this.#startMs = startMs;
    this.#nowMs = startMs;
    this.#size = size;
    this.#downloadWindows = new WindowCalendar(policy.downloadWindows, policy.timeZone);
    this.#applyWindows = new WindowCalendar(policy.applyWindows, policy.timeZone);
    const most = amountOf(policy.maxConcurrent ?? {}, size, Math.floor) ?? Number.POSITIVE_INFINITY;
    this.#maxConcurrent = Math.max(1, most);
    for (const sight of fleet) this.#countIn(sight);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Plays a batch to its end, soak included. */
  play(batch: number, participants: readonly Participant[]): readonly Forecast[] {
    const devices = participants.map((participant) => this.#travelling(participant));
    for (const device of devices) this.#downloads.add(device.zone, device);
    this.#events.add(this.#nowMs, { kind: 'look' });
    for (let next = this.#events.next(); next !== undefined; next = this.#events.next()) {
      if (next.atMs > this.#startMs + HORIZON_MS) break;
      this.#nowMs = next.atMs;
      this.#happen(next.event);
      this.#restarts.drain((device, lane) => this.#restart(device, lane));
      this.#downloads.drain((device, lane) => this.#download(device, lane));
    }
    const soakMs = this.#policy.batches[batch]?.soakMs ?? this.#policy.soakMs;
    if (devices.some(({ doneMs }) => doneMs !== undefined)) this.#nowMs += soakMs;
    return devices.map(({ participant, downloadMs, restartMs, doneMs }) => ({
      device: participant.sight.device.id,
      batch,
      ...(downloadMs === undefined ? {} : { downloadMs }),
      ...(restartMs === undefined ? {} : { restartMs }),
      ...(doneMs === undefined ? {} : { doneMs }),
    }));
  }

  #countIn(sight: Sight): void {
    const { disruptionBudget } = this.#policy;
    if (disruptionBudget === undefined) return;
    const name = groupName(disruptionBudget, sight.device);
    const group = this.#groups.get(name) ?? { away: 0, size: 0, lanes: new Set<string>() };
    group.size += 1;
    if (!isAvailable(sight)) group.away += 1;
    this.#groups.set(name, group);
  }

  #travelling(participant: Participant): Travelling {
    const { disruptionBudget } = this.#policy;
    const { device } = participant.sight;
    const group = disruptionBudget === undefined ? '' : groupName(disruptionBudget, device);
    return { participant, group, zone: device.timeZone ?? '', hopsLeft: participant.hops };
  }

  #happen(event: Event): void {
    if (event.kind === 'look') return;
    if (event.kind === 'open') {
      (event.of === 'downloads' ? this.#downloads : this.#restarts).open(event.lane);
      return;
    }
    const { device } = event;
    this.#active -= 1;
    if (event.kind === 'downloaded') {
      this.#downloading -= 1;
      const lane = `${device.zone}\0${device.group}`;
      this.#groups.get(device.group)?.lanes.add(lane);
      this.#restarts.add(lane, device);
      return;
    }
    const group = this.#groups.get(device.group);
    if (group !== undefined) {
      group.away -= 1;
      for (const lane of group.lanes) this.#restarts.open(lane);
    }
    device.hopsLeft -= 1;
    if (device.hopsLeft > 0) this.#downloads.add(device.zone, device);
    else {
      device.doneMs = this.#nowMs;
      this.#done += 1;
    }
  }

  #download(device: Travelling, lane: string): 'taken' | 'shut' | 'stop' {
    const opening = this.#downloadWindows.at(device.participant.sight.device.timeZone, this.#nowMs);
    if (!opening.isOpen) return this.#shutUntil('downloads', lane, opening.opensMs);
    const isFirst = device.downloadMs === undefined;
    if (this.#policy.firstAlone && this.#done === 0 && this.#active + this.#restarts.size > 0) return 'stop';
    if (this.#active >= this.#maxConcurrent) return 'stop';
    if (this.#downloading >= bandwidthShares(this.#policy.bandwidth).downloads) return 'stop';
    if (isFirst && !this.#mayTellOneMore()) return 'stop';
    this.#active += 1;
    this.#downloading += 1;
    if (isFirst) {
      this.#told += 1;
      device.downloadMs = this.#nowMs;
    }
    this.#events.add(this.#nowMs + this.#assume.downloadMs, { kind: 'downloaded', device });
    return 'taken';
  }

  /** With a share that grows by time, the next device is looked at when its turn has come. */
  #mayTellOneMore(): boolean {
    const { overTime } = this.#policy;
    if (overTime === undefined) return true;
    const { startShare, durationMs } = overTime;
    const needed = (this.#told + 1) / this.#size;
    const turnMs =
      needed <= startShare ? 0 : Math.ceil((durationMs * (needed - startShare)) / (1 - startShare));
    if (this.#startMs + turnMs <= this.#nowMs) return true;
    this.#lookAgain(this.#startMs + turnMs);
    return false;
  }

  #restart(device: Travelling, lane: string): 'taken' | 'shut' | 'stop' {
    const opening = this.#applyWindows.at(device.participant.sight.device.timeZone, this.#nowMs);
    if (!opening.isOpen) return this.#shutUntil('restarts', lane, opening.opensMs);
    if (this.#active >= this.#maxConcurrent) return 'stop';
    const { rate, disruptionBudget: budget } = this.#policy;
    const oldest = rate === undefined ? undefined : this.#applies.at(-rate.count);
    if (rate !== undefined && oldest !== undefined && oldest > this.#nowMs - rate.periodMs) {
      this.#lookAgain(oldest + rate.periodMs);
      return 'stop';
    }
    const group = this.#groups.get(device.group);
    if (budget !== undefined && group !== undefined) {
      const allowed = Math.max(
        1,
        amountOf(budget.maxUnavailable ?? {}, group.size, Math.floor) ?? group.size,
      );
      if (group.away + 1 > allowed || group.size - group.away - 1 < (budget.minAvailable ?? 0)) return 'shut';
      group.away += 1;
    }
    this.#active += 1;
    this.#applies.push(this.#nowMs);
    device.restartMs = this.#nowMs;
    this.#events.add(this.#nowMs + this.#assume.applyMs + this.#policy.stableMs, { kind: 'proved', device });
    return 'taken';
  }

  #shutUntil(of: 'downloads' | 'restarts', lane: string, opensMs: number | undefined): 'shut' {
    const known = this.#openings[of];
    if (opensMs !== undefined && known.get(lane) !== opensMs) {
      known.set(lane, opensMs);
      this.#events.add(opensMs, { kind: 'open', of, lane });
    }
    return 'shut';
  }

  /** One look is enough, however many devices wait for it. */
  #lookAgain(atMs: number): void {
    if (this.#lookMs > this.#nowMs && this.#lookMs <= atMs) return;
    this.#lookMs = atMs;
    this.#events.add(atMs, { kind: 'look' });
  }
}
