import { amountOf } from './amount.ts';
import type { Sight } from './look.ts';
import type { Explanation } from './types/decision.ts';
import type { DeviceObservation } from './types/device.ts';
import type { DisruptionBudget } from './types/policy.ts';
import type { DeviceStage } from './types/state.ts';

interface Group {
  readonly name: string;
  size: number;
  unavailable: number;
}

/** Stages in which a device cannot be relied on. */
const AWAY: ReadonlySet<DeviceStage> = new Set(['applying', 'proving', 'reverting']);

/** Whether a device does its work now: heard of, not failing, and nobody told it to restart. */
export function isAvailable({ record, device }: Pick<Sight, 'record' | 'device'>): boolean {
  return device.online && device.health !== 'failing' && !AWAY.has(record.stage);
}

/** The values of the labels a budget groups by, for people and as a key. */
export function groupName(budget: DisruptionBudget, { labels }: DeviceObservation): string {
  return budget.groupBy.map((key) => `${key}=${Object.hasOwn(labels, key) ? labels[key] : ''}`).join(',');
}

/** How many devices of each group are away, whoever is to blame. */
export class DisruptionGroups {
  readonly #budget: DisruptionBudget | undefined;
  readonly #groups = new Map<string, Group>();
  readonly #unavailable = new Set<string>();

  constructor(budget: DisruptionBudget | undefined, sights: readonly Sight[]) {
    this.#budget = budget;
    if (budget === undefined) return;
    for (const sight of sights) {
      const group = this.#groupOf(budget, sight.device);
      group.size += 1;
      if (isAvailable(sight)) continue;
      group.unavailable += 1;
      this.#unavailable.add(sight.device.id);
    }
  }

  /** A device that is away already takes nothing from anybody when it restarts. */
  hold(device: DeviceObservation): Explanation | undefined {
    const budget = this.#budget;
    if (budget === undefined || this.#unavailable.has(device.id)) return undefined;
    const { name, size, unavailable } = this.#groupOf(budget, device);
    const allowed = amountOf(budget.maxUnavailable ?? {}, size, Math.floor) ?? size;
    const fits =
      unavailable + 1 <= Math.max(1, allowed) && size - unavailable - 1 >= (budget.minAvailable ?? 0);
    return fits ? undefined : { code: 'disruption-budget', group: name, unavailable, size };
  }

  take(device: DeviceObservation): void {
    if (this.#budget === undefined || this.#unavailable.has(device.id)) return;
    this.#unavailable.add(device.id);
    this.#groupOf(this.#budget, device).unavailable += 1;
  }

  #groupOf(budget: DisruptionBudget, device: DeviceObservation): Group {
    const name = groupName(budget, device);
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { name, size: 0, unavailable: 0 };
      this.#groups.set(name, group);
    }
    return group;
  }
}
