import type { PolicySpec, RolloutPlan, RolloutSpec } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import type { RolloutRow } from '../database/tables.ts';
import type { Presence } from '../devices/presence.ts';
import { decideStep, type StepOutcome } from './decide-step.ts';
import { planRollout } from './plan.ts';
import { StepMemory } from './step-memory.ts';

/** What is decided about rollouts: by reading alone, so that any thread may. */
export type RolloutJob =
  | {
      readonly kind: 'decide';
      readonly row: RolloutRow;
      readonly alerts: readonly string[];
      readonly nowMs: number;
      readonly step: string;
    }
  | {
      readonly kind: 'plan';
      readonly organisation: string;
      readonly spec: RolloutSpec;
      readonly policy: PolicySpec;
      readonly nowMs: number;
    };

export type JobResult<Job extends RolloutJob> = Job extends { readonly kind: 'decide' }
  ? StepOutcome | undefined
  : RolloutPlan;

export async function doJob<Job extends RolloutJob>(
  queries: Queries,
  job: Job,
  presence: Pick<Presence, 'lastSeen'>,
  memory: StepMemory = new StepMemory(),
): Promise<JobResult<Job>> {
  const result =
    job.kind === 'decide'
      ? await decideStep(queries, job.row, { ...job, presence }, memory.of(job.row))
      : await planRollout(queries, job, presence);
  return result as JobResult<Job>;
}
