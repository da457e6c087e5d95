import type { ReleaseGraph } from '../release/graph.ts';
import { deviceRank } from './device-order.ts';
import { Explanations } from './explanations.ts';
import type { Verdict } from './judge.ts';
import { Limits } from './limits.ts';
import type { Look, Sight, StepInput } from './look.ts';
import { runs } from './observe.ts';
import { cancelOrder, orderKey, rollbackOrder } from './orders.ts';
import type { Decision, Explanation } from './types/decision.ts';
import type { DeviceRecord, RolloutState } from './types/state.ts';

/** What is told to whom, and why everybody else waits. */
export interface Telling {
  readonly decisions: readonly Decision[];
  readonly explanations: ReadonlyMap<string, Explanation>;
  readonly changed: ReadonlyMap<string, DeviceRecord>;
  readonly recentApplies: readonly number[];
  /** How many are still to be sent back, or on their way. */
  readonly toRevert: number;
}

/** Tells as many devices as every limit of the policy allows, and explains every one. */
export function tell(input: StepInput, look: Look, verdict: Verdict, nowMs: number): Telling {
  const limits = new Limits(input.policy, verdict.state, look, verdict.tallies, nowMs);
  const teller = new Teller(input, verdict, limits, nowMs);
  const { phase } = verdict.state;
  if (phase === 'running' || phase === 'complete') teller.goOn(look.sights);
  else if (phase === 'paused') teller.wait(look.sights, { code: 'paused' });
  else if (phase === 'halted')
    teller.stop(look.sights, { code: 'halted', reason: verdict.state.halt?.reason ?? '' });
  else if (phase === 'aborted') teller.stop(look.sights, { code: 'aborted' });
  else teller.goBack(look.sights, input.graph);
  for (const { device } of look.gone) teller.explain(device, { code: 'decommissioned' });
  return teller.result(limits);
}

class Teller {
  readonly #input: StepInput;
  readonly #state: RolloutState;
  readonly #verdict: Verdict;
  readonly #limits: Limits;
  readonly #nowMs: number;
  readonly #decisions: Decision[] = [];
  readonly #changed = new Map<string, DeviceRecord>();
  readonly #explanations: Explanations;
  #toRevert = 0;

  constructor(input: StepInput, verdict: Verdict, limits: Limits, nowMs: number) {
    this.#input = input;
    this.#state = verdict.state;
    this.#verdict = verdict;
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#explanations = new Explanations(input.policy);
  }

  explain(device: string, why: Explanation): void {
    this.#explanations.set(device, why);
  }

  result({ recentApplies }: Limits): Telling {
    return {
      decisions: this.#decisions,
      explanations: this.#explanations.all,
      changed: this.#changed,
      recentApplies,
      toRevert: this.#toRevert,
    };
  }

  /** Restarts before downloads: what is begun is finished, and places become free. */
  goOn(sights: readonly Sight[]): void {
    const alert = this.#firingAlert();
    const restarts: Sight[] = [];
    const downloads: Sight[] = [];
    for (const sight of sights) {
      const { kind } = sight.standing;
      if (kind !== 'ready' && kind !== 'staged') this.#explanations.settle(sight);
      else if (alert !== undefined) this.#explanations.set(sight.device.id, alert);
      else {
        const hold = this.#holdAlone(sight, kind);
        if (hold !== undefined) this.#explanations.set(sight.device.id, hold);
        else (kind === 'ready' ? downloads : restarts).push(sight);
      }
    }
    for (const sight of this.#inOrder(restarts)) this.#apply(sight);
    for (const sight of this.#inOrder(downloads)) this.#stage(sight);
  }

  /** Nobody is told anything; those under way go on. */
  wait(sights: readonly Sight[], why: Explanation): void {
    for (const sight of sights) {
      if (sight.standing.kind === 'ready' || sight.standing.kind === 'staged')
        this.#explanations.set(sight.device.id, why);
      else this.#explanations.settle(sight);
    }
  }

  /** Orders that can be taken back are. */
  stop(sights: readonly Sight[], why: Explanation): void {
    const left: Sight[] = [];
    for (const sight of sights) {
      const { stage } = sight.record;
      if (stage === 'downloading' || stage === 'staged') this.#cancel(sight.record);
      else left.push(sight);
    }
    this.wait(left, why);
  }

  goBack(sights: readonly Sight[], graph: ReleaseGraph): void {
    const affected: Sight[] = [];
    const others: Sight[] = [];
    for (const sight of sights) {
      const { record, device } = sight;
      const isOnNew =
        record.attempt > 0 && record.revertTold !== true && runs(graph, device, record.toVersion);
      if (isOnNew) affected.push(sight);
      else others.push(sight);
      if (isOnNew || record.stage === 'reverting' || record.stage === 'applying') this.#toRevert += 1;
    }
    this.stop(others, { code: 'rolling-back' });
    for (const sight of this.#inOrder(affected)) this.#revert(sight);
  }

  /** What holds a device back whatever the others do. */
  #holdAlone(sight: Sight, kind: 'ready' | 'staged'): Explanation | undefined {
    const { batch } = sight.record;
    const { openThrough, gate } = this.#verdict;
    if (kind === 'ready' && batch > openThrough && gate !== undefined)
      return this.#explanations.gated(gate, batch, this.#state);
    return this.#limits.holdForWindow(kind === 'ready' ? 'download' : 'apply', sight);
  }

  #firingAlert(): Explanation | undefined {
    const { alertGate } = this.#input.policy;
    if (alertGate === undefined) return undefined;
    const { firingAlerts } = this.#input.context;
    const alert = firingAlerts.find(
      (name) => alertGate.alerts.length === 0 || alertGate.alerts.includes(name),
    );
    return alert === undefined ? undefined : { code: 'alert', alert };
  }

  /** By batch; within it those on the way first, then as drawn. */
  #inOrder(sights: readonly Sight[]): readonly Sight[] {
    return sights
      .map((sight) => ({ sight, rank: deviceRank(this.#state.id, sight.record.device) }))
      .sort((a, b) => {
        const [one, other] = [a.sight.record, b.sight.record];
        return (
          one.batch - other.batch ||
          Number(other.attempt > 0) - Number(one.attempt > 0) ||
          a.rank - b.rank ||
          (one.device < other.device ? -1 : 1)
        );
      })
      .map(({ sight }) => sight);
  }

  #stage(sight: Sight): void {
    const { record, device, standing } = sight;
    const hold = this.#limits.holdStage(sight);
    if (hold !== undefined || standing.kind !== 'ready') {
      this.#explanations.set(device.id, hold ?? { code: 'paused' });
      return;
    }
    const { version, digest } = standing.hop;
    const from = device.bootedDigest;
    const { failure: _, ...kept } = record;
    const told: DeviceRecord = {
      ...kept,
      stage: 'downloading',
      attempt: record.attempt + 1,
      sinceMs: this.#nowMs,
      toldMs: this.#nowMs,
      toDigest: digest,
      toVersion: version,
      ...(from === undefined ? {} : { fromDigest: record.fromDigest ?? from, hopFromDigest: from }),
    };
    this.#limits.takeStage(sight);
    const { bytesPerSecond } = this.#limits;
    this.#decisions.push({
      kind: 'stage',
      device: device.id,
      key: orderKey(this.#state.id, told),
      version,
      digest,
      ...(bytesPerSecond === undefined ? {} : { downloadBytesPerSecond: bytesPerSecond }),
    });
    this.#change(told);
  }

  #apply(sight: Sight): void {
    const { record } = sight;
    const hold = this.#limits.holdApply(sight);
    if (hold !== undefined) {
      this.#explanations.set(record.device, hold);
      return;
    }
    this.#limits.takeApply(sight);
    const key = orderKey(this.#state.id, record);
    this.#decisions.push({ kind: 'apply', device: record.device, key, digest: record.toDigest ?? '' });
    this.#change({ ...record, stage: 'applying', sinceMs: this.#nowMs, toldMs: this.#nowMs });
  }

  #cancel(record: DeviceRecord): void {
    this.#decisions.push(cancelOrder(this.#state.id, record));
    this.#change({ ...record, stage: 'cancelled', sinceMs: this.#nowMs });
  }

  #revert(sight: Sight): void {
    const { record, device } = sight;
    const hold: Explanation | undefined = device.online
      ? this.#limits.holdRollback(sight)
      : { code: 'offline' };
    if (hold !== undefined) {
      this.#explanations.set(device.id, hold);
      return;
    }
    this.#limits.takeRollback(sight);
    this.#decisions.push(rollbackOrder(this.#state.id, record));
    this.#change({
      ...record,
      stage: 'reverting',
      sinceMs: this.#nowMs,
      toldMs: this.#nowMs,
      revertTold: true,
    });
  }

  #change(record: DeviceRecord): void {
    this.#changed.set(record.device, record);
    this.#explanations.stage(record);
  }
}
