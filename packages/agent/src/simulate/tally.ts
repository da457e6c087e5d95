import type { UpdatePhase } from '@slipway/fleet-api';

/** What simulated devices did so far. */
export interface SimulationSummary {
  readonly devices: number;
  readonly enrolled: number;
  readonly decommissioned: number;
  readonly checkIns: { readonly answered: number; readonly failed: number };
  readonly restarts: number;
  readonly updates: { readonly succeeded: number; readonly failed: number };
  /** How many devices are at what now. */
  readonly phases: Readonly<Record<string, number>>;
  /** How many devices run which image. */
  readonly images: Readonly<Record<string, number>>;
}

/** Counts for the summary. */
export class Tally {
  enrolled = 0;
  decommissioned = 0;
  answered = 0;
  failed = 0;
  restarts = 0;
  succeededUpdates = 0;
  failedUpdates = 0;
  readonly #phases = new Map<number, UpdatePhase>();

  setPhase(device: number, phase: UpdatePhase): void {
    this.#phases.set(device, phase);
    if (phase === 'succeeded') this.succeededUpdates += 1;
    if (phase === 'failed') this.failedUpdates += 1;
  }

  summary(devices: number, digests: readonly string[]): SimulationSummary {
    return {
      devices,
      enrolled: this.enrolled,
      decommissioned: this.decommissioned,
      checkIns: { answered: this.answered, failed: this.failed },
      restarts: this.restarts,
      updates: { succeeded: this.succeededUpdates, failed: this.failedUpdates },
      phases: counted(this.#phases.values()),
      images: counted(digests),
    };
  }
}

function counted(all: Iterable<string>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const each of all) counts[each] = (counts[each] ?? 0) + 1;
  return counts;
}
