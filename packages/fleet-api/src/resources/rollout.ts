import * as z from 'zod';
import { type PolicySpec, policySpecSchema } from './policy.ts';
import { type Resource, type ResourceInput, resourceInputSchema, resourceSchema } from './resource.ts';
import { countSchema, lineSchema, nameSchema, timeSchema } from './scalars.ts';

/** One way of a fleet to a release. Made by changing the release of the fleet, or by itself. */
export interface RolloutSpec {
  readonly fleet: string;
  readonly release: string;
  /** Policy of this rollout; without it that of the fleet at its start. */
  readonly policy?: PolicySpec;
  readonly startAt?: string;
}

export const ROLLOUT_STATES = [
  'scheduled',
  'awaiting-approval',
  'running',
  'paused',
  'halted',
  'rolling-back',
  'succeeded',
  'failed',
  'aborted',
  'rolled-back',
  'superseded',
] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** Devices of a rollout, counted. */
export interface RolloutCounts {
  readonly total: number;
  readonly pending: number;
  readonly updating: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly rolledBack: number;
  readonly skipped: number;
}

export interface BatchStatus {
  readonly name: string;
  readonly state: 'waiting' | 'awaiting-approval' | 'running' | 'soaking' | 'done';
  readonly counts: RolloutCounts;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** What the batch waits for. */
  readonly why: string | null;
}

export interface RolloutStatus {
  readonly state: RolloutState;
  /** What it waits for, or why it ended as it did. */
  readonly reason: string | null;
  readonly counts: RolloutCounts;
  readonly batches: readonly BatchStatus[];
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly estimatedEndAt: string | null;
  readonly approvedBy: string | null;
}

export type Rollout = Resource<'Rollout', RolloutSpec, RolloutStatus>;
export type RolloutInput = ResourceInput<'Rollout', RolloutSpec>;

const rolloutSpecSchema: z.ZodType<RolloutSpec> = z.strictObject({
  fleet: nameSchema,
  release: nameSchema,
  policy: policySpecSchema.exactOptional(),
  startAt: timeSchema.exactOptional(),
});

export const rolloutCountsSchema: z.ZodType<RolloutCounts> = z
  .object({
    total: countSchema,
    pending: countSchema,
    updating: countSchema,
    succeeded: countSchema,
    failed: countSchema,
    rolledBack: countSchema,
    skipped: countSchema,
  })
  .meta({ id: 'RolloutCounts' });

const batchStatusSchema: z.ZodType<BatchStatus> = z.object({
  name: z.string(),
  state: z.enum(['waiting', 'awaiting-approval', 'running', 'soaking', 'done']),
  counts: rolloutCountsSchema,
  startedAt: timeSchema.nullable(),
  finishedAt: timeSchema.nullable(),
  why: z.string().nullable(),
});

const rolloutStatusSchema: z.ZodType<RolloutStatus> = z.object({
  state: z.enum(ROLLOUT_STATES),
  reason: z.string().nullable(),
  counts: rolloutCountsSchema,
  batches: z.array(batchStatusSchema),
  startedAt: timeSchema.nullable(),
  finishedAt: timeSchema.nullable(),
  estimatedEndAt: timeSchema.nullable(),
  approvedBy: z.string().nullable(),
});

export const rolloutSchema: z.ZodType<Rollout> = resourceSchema(
  'Rollout',
  rolloutSpecSchema,
  rolloutStatusSchema,
);
export const rolloutInputSchema: z.ZodType<RolloutInput> = resourceInputSchema('Rollout', rolloutSpecSchema);

/** Where one device is in a rollout, and why. */
export interface RolloutDevice {
  readonly device: string;
  readonly batch: string;
  readonly state: 'pending' | 'updating' | 'succeeded' | 'failed' | 'rolled-back' | 'skipped';
  readonly why: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export const rolloutDeviceSchema: z.ZodType<RolloutDevice> = z
  .object({
    device: z.string(),
    batch: z.string(),
    state: z.enum(['pending', 'updating', 'succeeded', 'failed', 'rolled-back', 'skipped']),
    why: z.string().nullable(),
    startedAt: timeSchema.nullable(),
    finishedAt: timeSchema.nullable(),
  })
  .meta({ id: 'RolloutDevice' });

/** Who, when, why not, and how long, before anything happens. */
export interface RolloutPlan {
  readonly fleet: string;
  readonly release: string;
  readonly batches: readonly {
    readonly name: string;
    readonly devices: number;
    /** The first hundred. */
    readonly first: readonly string[];
    readonly estimatedStartAt: string | null;
    readonly estimatedEndAt: string | null;
  }[];
  /** Devices that are left out, the first hundred, and why. */
  readonly skipped: readonly { readonly device: string; readonly why: string }[];
  readonly skippedCount: number;
  readonly estimatedEndAt: string | null;
  readonly warnings: readonly string[];
}

export const rolloutPlanSchema: z.ZodType<RolloutPlan> = z
  .object({
    fleet: z.string(),
    release: z.string(),
    batches: z.array(
      z.object({
        name: z.string(),
        devices: countSchema,
        first: z.array(z.string()),
        estimatedStartAt: timeSchema.nullable(),
        estimatedEndAt: timeSchema.nullable(),
      }),
    ),
    skipped: z.array(z.object({ device: z.string(), why: z.string() })),
    skippedCount: countSchema,
    estimatedEndAt: timeSchema.nullable(),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'RolloutPlan' });

/** Why somebody does it; it goes into the audit log. */
export interface Reason {
  readonly reason?: string;
}

export const reasonSchema: z.ZodType<Reason> = z.strictObject({ reason: lineSchema.exactOptional() });
