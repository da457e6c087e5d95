import type { PolicySpec, RolloutPlan, RolloutSpec } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import type { Presence } from '../devices/presence.ts';
import { explain } from '../rollout/explain.ts';
import { newRollout } from '../rollout/new-rollout.ts';
import { type Plan, planRollout as planByEngine } from '../rollout/plan/plan.ts';
import { enginePolicy } from './engine-policy.ts';
import { loadReleases } from './engine-releases.ts';
import { ObservedFleet } from './observed-fleet.ts';

const SHOWN = 100;

/** What is planned. */
export interface PlanAsk {
  readonly organisation: string;
  readonly spec: RolloutSpec;
  readonly policy: PolicySpec;
  readonly nowMs: number;
}

/** Lets the engine play the rollout through: who, when, why not, and how long. Nothing is written. */
export async function planRollout(
  queries: Queries,
  { organisation, spec, policy, nowMs }: PlanAsk,
  presence: Pick<Presence, 'lastSeen'>,
): Promise<RolloutPlan> {
  const { fleet, release, startAt } = spec;
  const startMs = Math.max(nowMs, startAt === undefined ? 0 : Date.parse(startAt));
  const releases = await loadReleases(queries, organisation, release);
  const facts = releases.asksFacts;
  const devices = await new ObservedFleet().look(queries, { organisation, fleet, presence, nowMs, facts });
  const plan = planByEngine({
    policy: enginePolicy(policy),
    state: newRollout({ id: `plan-${fleet}`, target: release, allowDowngrade: true }),
    graph: releases.graph,
    devices,
    context: { nowMs: startMs, firingAlerts: [], deniedDigests: releases.withdrawn },
  });
  return presentPlan(plan, spec);
}

/** A plan of the engine as the API has it. */
export function presentPlan(
  plan: Plan,
  { fleet, release }: Pick<RolloutSpec, 'fleet' | 'release'>,
): RolloutPlan {
  const skipped = plan.devices.flatMap(({ device, whyNot }) =>
    whyNot === undefined || whyNot.code === 'up-to-date' ? [] : [{ device, why: explain(whyNot) }],
  );
  const batches = plan.batches.map(({ name, devices, startMs, endMs }) => ({
    name,
    devices,
    first: plan.devices
      .filter(({ batch, doneMs }) => batch === name && doneMs !== undefined)
      .map(({ device }) => device)
      .toSorted()
      .slice(0, SHOWN),
    estimatedStartAt: isoOf(startMs),
    estimatedEndAt: isoOf(endMs),
  }));
  return {
    fleet,
    release,
    batches: batches.filter(({ name, devices }) => devices > 0 || name !== 'rest'),
    skipped: skipped.slice(0, SHOWN),
    skippedCount: skipped.length,
    estimatedEndAt: isoOf(plan.endMs),
    warnings: plan.devices.length === 0 ? ['the fleet has no devices', ...plan.warnings] : plan.warnings,
  };
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
