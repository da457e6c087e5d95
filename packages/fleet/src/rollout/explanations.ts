import { failure, type Sight } from './look.ts';
import type { Explanation } from './types/decision.ts';
import type { RolloutPolicy } from './types/policy.ts';
import type { DeviceRecord, RolloutState } from './types/state.ts';

/** Explains devices. What many devices have in common is one object: a fleet of a hundred thousand waits for a handful of reasons. */
export class Explanations {
  readonly #policy: RolloutPolicy;
  readonly #all = new Map<string, Explanation>();
  readonly #gated = new Map<number, Explanation>();

  constructor(policy: RolloutPolicy) {
    this.#policy = policy;
  }

  get all(): ReadonlyMap<string, Explanation> {
    return this.#all;
  }

  set(device: string, why: Explanation): void {
    this.#all.set(device, why);
  }

  /** What a batch waits for that is not open yet. */
  gated(gate: Explanation, batch: number, { batches }: Pick<RolloutState, 'batches'>): Explanation {
    const known = this.#gated.get(batch);
    if (known !== undefined) return known;
    const name = batches[batch]?.name ?? '';
    let why = gate;
    if (gate.code === 'batch') why = { ...gate, batch: name };
    if (gate.code === 'approval' && gate.batch !== name)
      why = { code: 'batch', batch: name, after: gate.batch };
    this.#gated.set(batch, why);
    return why;
  }

  /** A device that is under way, done, or left out. */
  settle({ record, device, standing }: Sight): void {
    if (standing.kind === 'out') this.set(device.id, standing.why);
    else if (standing.kind === 'away') this.set(device.id, AWAY);
    else if (record.stage === 'applying' && device.online && device.health === 'failing') {
      this.set(device.id, { code: 'unhealthy', sinceMs: record.sinceMs });
    } else this.stage(record);
  }

  /** By its record alone. */
  stage(record: DeviceRecord): void {
    this.#all.set(record.device, this.#ofStage(record));
  }

  #ofStage(record: DeviceRecord): Explanation {
    const { stage, sinceMs } = record;
    if (stage === 'succeeded') return { code: 'updated', sinceMs };
    if (stage === 'proving') return { code: 'proving', untilMs: sinceMs + this.#policy.stableMs };
    if (stage === 'failed') return failure(record);
    return stage === 'waiting' || stage === 'staged' ? AWAY : { code: stage, sinceMs };
  }
}

const AWAY: Explanation = { code: 'offline' };
