import type { UpdatePhase } from '@slipway/fleet-api';

/** Told something that is not done yet. A server knows of it before the device does, and that it is over only after. */
const UNDER_WAY: ReadonlySet<UpdatePhase> = new Set(['waiting', 'downloading', 'rebooting']);

/** Sees what devices do to themselves, in the order in which they do it: the servers have no part in it. */
export class UpdateWitness {
  readonly #groupOf: (device: number) => string;
  readonly #underWay = new Set<number>();
  /** Groups of the devices that restart. */
  readonly #restarting = new Map<number, string>();
  readonly #restarts = new Map<number, number>();
  #mostUnderWay = 0;
  #mostRestarting = 0;

  /** @param groupOf devices of one group are not to be away together */
  constructor(groupOf: (device: number) => string) {
    this.#groupOf = groupOf;
  }

  /** How many were told something and not done, at the worst moment. */
  get mostUnderWay(): number {
    return this.#mostUnderWay;
  }

  /** How many of one group restarted at once, at the worst moment. */
  get mostRestarting(): number {
    return this.#mostRestarting;
  }

  /** How many devices restarted once, how many twice; those that never did are not among them. */
  get restarts(): Readonly<Record<number, number>> {
    const counts: Record<number, number> = {};
    for (const times of this.#restarts.values()) counts[times] = (counts[times] ?? 0) + 1;
    return counts;
  }

  saw(device: number, phase: UpdatePhase): void {
    if (UNDER_WAY.has(phase)) this.#underWay.add(device);
    else this.#underWay.delete(device);
    this.#restarting.delete(device);
    if (phase === 'rebooting') this.#restart(device);
    this.#mostUnderWay = Math.max(this.#mostUnderWay, this.#underWay.size);
  }

  #restart(device: number): void {
    const group = this.#groupOf(device);
    this.#restarting.set(device, group);
    this.#restarts.set(device, (this.#restarts.get(device) ?? 0) + 1);
    const together = [...this.#restarting.values()].filter((other) => other === group).length;
    this.#mostRestarting = Math.max(this.#mostRestarting, together);
  }
}
