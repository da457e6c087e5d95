import type { PolicySpec, RolloutPlan, RolloutSpec } from '@slipway/fleet-api';
import type { CallContext } from '../http/handler.ts';
import { explain } from '../rollout/explain.ts';
import { newRollout } from '../rollout/new-rollout.ts';
import { type Plan, planRollout as planByEngine } from '../rollout/plan/plan.ts';
import { loadDevices } from './engine-devices.ts';
import { enginePolicy } from './engine-policy.ts';
import { loadReleases } from './engine-releases.ts';

const SHOWN = 100;

/** Lets the engine play the rollout through: who, when, why not, and how long. Nothing is written. */
export async function planRollout(
  context: CallContext,
  spec: RolloutSpec,
  policySpec: PolicySpec,
): Promise<RolloutPlan> {
  const { queries, identity, services, nowMs } = context;
  const startMs = Math.max(nowMs, spec.startAt === undefined ? 0 : Date.parse(spec.startAt));
  const releases = await loadReleases(queries, identity.organisation, spec.release);
  const devices = await loadDevices(queries, identity.organisation, spec.fleet, services.presence, nowMs);
  const plan = planByEngine({
    policy: enginePolicy(policySpec),
    state: newRollout({ id: `plan-${spec.fleet}`, target: spec.release, allowDowngrade: true }),
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
