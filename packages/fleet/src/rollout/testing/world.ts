import { type ReleaseGraph, releaseGraph } from '../../release/graph.ts';
import type { Labels } from '../../selector/selector.ts';
import type { Decision, StepResult } from '../types/decision.ts';
import type { DeviceObservation, DeviceReport } from '../types/device.ts';
import type { RolloutPolicy } from '../types/policy.ts';

export const MINUTE = 60_000;
export const HOUR = 3_600_000;

/** A digest out of a few letters, for reading. */
export function digestFor(seed: string): string {
  return `sha256:${Buffer.from(seed).toString('hex').padEnd(64, '0')}`;
}

/** Releases 1, 2, … of which each leads to every later one; those named are barriers. */
export function plainGraph(count: number, barriers: readonly number[] = []): ReleaseGraph {
  return releaseGraph(
    Array.from({ length: count }, (_, index) => {
      const version = `${index + 1}`;
      return {
        version,
        repository: 'registry.example.com/os',
        digests: [{ digest: digestFor(version), role: 'image', architecture: 'amd64' }],
        metadata: {},
        ...(barriers.includes(index + 1) ? { barrier: { reason: 'a step nobody may leave out' } } : {}),
      };
    }),
  );
}

/** A policy without any limit. */
export const NO_LIMITS: RolloutPolicy = {
  batches: [],
  soakMs: 0,
  successThreshold: 0,
  firstAlone: false,
  downloadWindows: [],
  applyWindows: [],
  timeZone: 'UTC',
  approval: 'none',
  updateTimeoutMs: 2 * HOUR,
  stableMs: MINUTE,
};

/** How a device of the world behaves. */
export interface Nature {
  readonly id: string;
  readonly labels?: Labels;
  readonly timeZone?: string;
  readonly bootedDigest?: string;
  /** Ticks from its order to the end of its download, and of its restart. */
  readonly downloadTicks?: number;
  readonly applyTicks?: number;
  readonly kind?:
    | 'good'
    /** Boots the new image, finds it bad, goes back, and denies it. */
    | 'rolls-back'
    /** Says that it failed while downloading. */
    | 'fails'
    /** Boots the new image and stays there, unhealthy. */
    | 'sick'
    /** Is never heard of again from its first order on. */
    | 'vanishes'
    /** Is there every other hour. */
    | 'flaky'
    /** Says everything at once, of orders it never had, and that it runs what nobody told it. */
    | 'liar';
}

interface Simulated {
  readonly nature: Nature;
  booted: string;
  staged: string | undefined;
  denied: string[];
  report: DeviceReport | undefined;
  order: { kind: 'stage' | 'apply' | 'rollback'; key: string; digest: string; doneTick: number } | undefined;
  previous: string;
  health: 'healthy' | 'failing';
  vanished: boolean;
}

/** Simulated devices that do what they are told, as far as their nature lets them. One tick is a minute. */
export class World {
  readonly #devices: Map<string, Simulated>;
  #tick = 0;

  constructor(natures: readonly Nature[]) {
    this.#devices = new Map(
      natures.map((nature) => {
        const booted = nature.bootedDigest ?? digestFor('1');
        return [
          nature.id,
          {
            nature,
            booted,
            staged: undefined,
            denied: [],
            report: undefined,
            order: undefined,
            previous: booted,
            health: 'healthy',
            vanished: false,
          },
        ];
      }),
    );
  }

  get nowMs(): number {
    return this.#tick * MINUTE;
  }

  observations(): readonly DeviceObservation[] {
    return [...this.#devices.values()].map((device) => this.#observe(device));
  }

  tick(): void {
    this.#tick += 1;
    for (const device of this.#devices.values()) {
      const { order } = device;
      if (order !== undefined && !device.vanished && this.#tick >= order.doneTick)
        this.#finish(device, order);
    }
  }

  obey(decisions: StepResult['decisions']): void {
    for (const decision of decisions) {
      const device = this.#devices.get(decision.device);
      if (device !== undefined) this.#take(device, decision);
    }
  }

  #take(device: Simulated, { kind, key, digest = device.previous }: Decision): void {
    const { downloadTicks = 1, applyTicks = 1 } = device.nature;
    if (device.nature.kind === 'vanishes') device.vanished = true;
    if (kind === 'cancel') {
      if (device.order?.kind === 'stage') device.order = undefined;
      device.staged = undefined;
      return;
    }
    device.order = {
      kind,
      key,
      digest,
      doneTick: this.#tick + (kind === 'stage' ? downloadTicks : applyTicks),
    };
  }

  #finish(device: Simulated, { kind, key, digest }: NonNullable<Simulated['order']>): void {
    device.order = undefined;
    const { kind: nature } = device.nature;
    if (kind === 'stage') {
      if (nature === 'fails') device.report = { key, phase: 'failed', message: 'no space' };
      else {
        device.staged = digest;
        device.report = { key, phase: 'staged' };
      }
      return;
    }
    device.staged = undefined;
    if (kind === 'rollback') {
      device.booted = digest;
      device.health = 'healthy';
    } else if (nature === 'rolls-back') {
      device.denied.push(digest);
      device.report = { key, phase: 'rolled-back', message: 'its checks failed' };
    } else {
      device.previous = device.booted;
      device.booted = digest;
      if (nature === 'sick') device.health = 'failing';
    }
  }

  #observe(device: Simulated): DeviceObservation {
    const { nature, booted, staged, denied, report, health } = device;
    const isAway = nature.kind === 'flaky' && Math.floor(this.#tick / 60) % 2 === 1;
    const isLiar = nature.kind === 'liar';
    const lie: DeviceReport = {
      key: `somebody-else/${this.#tick % 3}`,
      phase: this.#tick % 2 === 0 ? 'staged' : 'failed',
    };
    const said = isLiar ? lie : report;
    const shownStaged = isLiar ? digestFor(`${this.#tick % 4}`) : staged;
    const { timeZone } = nature;
    return {
      id: nature.id,
      labels: nature.labels ?? {},
      facts: {},
      architecture: 'amd64',
      ...(timeZone === undefined ? {} : { timeZone }),
      online: !device.vanished && !isAway,
      bootedDigest: isLiar && this.#tick % 5 === 4 ? digestFor(`lie-${this.#tick}`) : booted,
      ...(shownStaged === undefined ? {} : { stagedDigest: shownStaged }),
      health,
      deniedDigests: [...denied],
      ...(said === undefined ? {} : { report: said }),
    };
  }
}
