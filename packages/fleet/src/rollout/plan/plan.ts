import { byRank } from '../device-order.ts';
import { look, type Sight, type StepInput } from '../look.ts';
import { step } from '../step.ts';
import { sizeOf, tally } from '../tally.ts';
import type { Explanation } from '../types/decision.ts';
import type { RolloutPolicy } from '../types/policy.ts';
import { type Assumptions, Forecaster, type Participant } from './forecast.ts';

/** What is expected of one device. */
export interface PlannedDevice {
  readonly device: string;
  readonly batch: string;
  /** When it is told to download, told to restart, and counted as done. */
  readonly downloadMs?: number;
  readonly restartMs?: number;
  readonly doneMs?: number;
  /** Why it is left out, or never has its turn. */
  readonly whyNot?: Explanation;
}

export interface PlannedBatch {
  readonly name: string;
  readonly devices: number;
  readonly startMs?: number;
  readonly endMs?: number;
}

/** A rollout before it happens. */
export interface Plan {
  readonly devices: readonly PlannedDevice[];
  readonly batches: readonly PlannedBatch[];
  /** When the last device is done, and watched for long enough. */
  readonly endMs?: number;
  readonly warnings: readonly string[];
}

/** What is assumed of devices nothing is known of. */
export const ASSUMPTIONS: Assumptions = { downloadMs: 300_000, applyMs: 180_000 };

/**
 * Says who is updated when, who is not and why, and when all is done; nothing happens.
 *
 * Devices are taken to do everything right, approvals to be given at once, and whoever is away now to stay away.
 */
export function planRollout(input: StepInput, assume: Assumptions = ASSUMPTIONS): Plan {
  const { policy, context } = input;
  const first = step(input);
  const nowMs = first.state.steppedMs ?? context.nowMs;
  const seen = look(input, nowMs);
  const size = tally(seen, first.state).reduce((sum, batch) => sum + sizeOf(batch), 0);
  const forecaster = new Forecaster(policy, assume, seen.sights, size, first.state.startedMs ?? nowMs);
  const devices: PlannedDevice[] = [];
  const batches: PlannedBatch[] = [];
  let endMs: number | undefined;
  for (const [index, { name }] of first.state.batches.entries()) {
    const members = seen.sights.filter(({ record }) => record.batch === index);
    const participants = participantsOf(input.state.id, members);
    const startMs = forecaster.nowMs;
    const forecasts = new Map(forecaster.play(index, participants).map((each) => [each.device, each]));
    for (const { device } of members) {
      const { downloadMs, restartMs, doneMs } = forecasts.get(device.id) ?? {};
      const whyNot =
        doneMs === undefined
          ? (first.explanations.get(device.id) ?? { code: 'offline' as const })
          : undefined;
      devices.push({
        device: device.id,
        batch: name,
        ...(downloadMs === undefined ? {} : { downloadMs }),
        ...(restartMs === undefined ? {} : { restartMs }),
        ...(doneMs === undefined ? {} : { doneMs }),
        ...(whyNot === undefined ? {} : { whyNot }),
      });
    }
    const done = [...forecasts.values()].flatMap(({ doneMs = [] }) => doneMs);
    const batchEndMs = done.length === 0 ? undefined : forecaster.nowMs;
    batches.push({
      name,
      devices: participants.length,
      ...(batchEndMs === undefined ? {} : { startMs, endMs: batchEndMs }),
    });
    endMs = batchEndMs ?? endMs;
    if (done.length < participants.length) {
      return {
        devices: [...devices, ...afterwards(seen.sights, first.state.batches, index)],
        batches,
        warnings: warningsOf(policy, devices, name),
      };
    }
  }
  return {
    devices,
    batches,
    ...(endMs === undefined ? {} : { endMs }),
    warnings: warningsOf(policy, devices, undefined),
  };
}

/** Those who can be told something now, and those who are on their way. */
function participantsOf(rollout: string, members: readonly Sight[]): readonly Participant[] {
  const taking = members.filter(
    ({ standing }) => standing.kind === 'ready' || standing.kind === 'staged' || standing.kind === 'active',
  );
  const ranked = byRank(
    rollout,
    taking.map((sight) => ({ device: sight.device.id, sight })),
  );
  return ranked.map(({ sight }) => ({
    sight,
    hops: sight.standing.kind === 'ready' ? sight.standing.hopsLeft : 1,
  }));
}

/** Batches after one that never comes to its end. */
function afterwards(
  sights: readonly Sight[],
  batches: readonly { readonly name: string }[],
  stuck: number,
): readonly PlannedDevice[] {
  const after = batches[stuck]?.name ?? '';
  return sights
    .filter(({ record }) => record.batch > stuck)
    .map(({ device, record, standing }) => {
      const batch = batches[record.batch]?.name ?? '';
      return {
        device: device.id,
        batch,
        whyNot: standing.kind === 'out' ? standing.why : { code: 'batch', batch, after },
      };
    });
}

function warningsOf(
  policy: RolloutPolicy,
  devices: readonly PlannedDevice[],
  stuck: string | undefined,
): readonly string[] {
  const warnings: string[] = [];
  if (stuck !== undefined) {
    const left = devices.filter(
      ({ downloadMs, doneMs }) => downloadMs !== undefined && doneMs === undefined,
    ).length;
    warnings.push(
      `batch ${stuck} never ends: ${left} of its devices download and may never restart; look at windows and disruptionBudget`,
    );
  }
  if (policy.approval !== 'none' || policy.batches.some(({ approval }) => approval === true)) {
    warnings.push('times are those of approvals that are given at once');
  }
  if (policy.errorThreshold === undefined && policy.successThreshold === 0) {
    warnings.push(
      'no number of failures stops this rollout: neither errorThreshold nor successThreshold is set',
    );
  }
  const away = devices.filter(({ whyNot }) => whyNot?.code === 'offline').length;
  if (away > 0) warnings.push(`${away} devices are away now, and are told when they are back`);
  const unknown = devices.filter(({ whyNot }) => whyNot?.code === 'unknown-digest').length;
  if (unknown > 0) warnings.push(`${unknown} devices run images that belong to no known release`);
  return warnings;
}
