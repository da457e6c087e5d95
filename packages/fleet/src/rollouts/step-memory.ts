import type { RolloutRow } from '../database/tables.ts';
import { ObservedFleet } from './observed-fleet.ts';
import type { KeptDevices } from './rollout-store.ts';

/** Of all rollouts together: a device is about a kilobyte. */
const MAX_DEVICES = 200_000;

/** What a rollout's row says when nobody did anything since a step: each step names itself in `engine`. */
export type RolloutBasis = Pick<RolloutRow, 'engine' | 'revision'>;

/** What the last step of a rollout knew, for the next one. */
export class RolloutMemory {
  readonly fleet: ObservedFleet = new ObservedFleet();
  #after: RolloutBasis | undefined;
  #kept: KeptDevices | undefined;

  get size(): number {
    return this.#kept?.records.size ?? 0;
  }

  /** Devices of the rollout as they are in the database, if that is known: else somebody wrote since the last step, or it was not written. */
  keptAt({ engine, revision }: RolloutBasis): KeptDevices | undefined {
    const isThere = this.#after?.engine === engine && this.#after.revision === revision;
    return isThere ? this.#kept : undefined;
  }

  /** What the database has once the step that was just decided is written. */
  remember(after: RolloutBasis, kept: KeptDevices): void {
    this.#after = after;
    this.#kept = kept;
  }
}

/** What the last steps of rollouts knew, as much of it as there is room for. */
export class StepMemory {
  readonly #rollouts = new Map<string, RolloutMemory>();

  /** Of one rollout, which counts as the one used last. */
  of({ organisation, name }: Pick<RolloutRow, 'organisation' | 'name'>): RolloutMemory {
    const key = `${organisation}/${name}`;
    const memory = this.#rollouts.get(key) ?? new RolloutMemory();
    this.#rollouts.delete(key);
    this.#forgetOldest();
    this.#rollouts.set(key, memory);
    return memory;
  }

  #forgetOldest(): void {
    let devices = this.#rollouts.values().reduce((sum, { size }) => sum + size, 0);
    for (const [key, { size }] of this.#rollouts) {
      if (devices <= MAX_DEVICES) return;
      this.#rollouts.delete(key);
      devices -= size;
    }
  }
}
