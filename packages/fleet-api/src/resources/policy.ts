import * as z from 'zod';
import { labelNameSchema } from './labels.ts';
import { type Resource, type ResourceInput, resourceInputSchema, resourceSchema } from './resource.ts';
import { countSchema, lineSchema, percentSchema, secondsSchema, timeZoneSchema } from './scalars.ts';
import { selectorSchema } from './selector.ts';

/** Devices of a fleet that are updated before the next batch is. Limits apply to what the selector leaves; none: all the rest. */
export interface Batch {
  readonly name: string;
  readonly selector?: string;
  readonly percent?: number;
  readonly count?: number;
  /** Seconds between the end of this batch and the next; the policy's when it is not said. */
  readonly soakSeconds?: number;
  readonly successPercent?: number;
  readonly approval?: 'automatic' | 'manual';
}

/** When something may happen: cron start and a length, in the device's own time zone unless one is named. */
export interface Window {
  readonly cron: string;
  readonly durationSeconds: number;
  readonly timeZone?: string;
}

/** ONE object that holds every safety of a rollout. What is left out does not limit. */
export interface PolicySpec {
  readonly description?: string;
  /** In order; devices no batch names come in a last one of their own. */
  readonly batches?: readonly Batch[];
  /** The share that may start grows in a line from one point in time to another, whatever the batches say. */
  readonly percentOverTime?: { readonly startPercent: number; readonly durationSeconds: number };
  readonly soakSeconds?: number;
  /** Share of a batch that must succeed before the next begins. Default 100. */
  readonly successPercent?: number;
  /** Failures at which everything stops; the first limit reached counts. */
  readonly errorThreshold?: {
    readonly count?: number;
    readonly percent?: number;
    readonly action: 'halt' | 'halt-and-rollback';
  };
  /** One device alone succeeds before any other starts. */
  readonly firstAlone?: boolean;
  readonly maxConcurrent?: { readonly count?: number; readonly percent?: number };
  readonly rate?: { readonly count: number; readonly periodSeconds: number };
  /** Of the devices that share values of these labels so many may be down at once. */
  readonly disruptionBudget?: {
    readonly groupBy: readonly string[];
    readonly maxUnavailable?: number;
    readonly minAvailable?: number;
  };
  readonly downloadWindows?: readonly Window[];
  readonly applyWindows?: readonly Window[];
  /** Nothing starts while this URL of a Prometheus or Alertmanager says that an alert fires. */
  readonly alertGate?: { readonly url: string; readonly filter?: string };
  readonly approval?: 'automatic' | 'manual';
  /** Seconds after its start a rollout fails if it has not ended. */
  readonly deadlineSeconds?: number;
  /** Seconds a device may take from its order to its success. Default: a day. */
  readonly deviceTimeoutSeconds?: number;
  /** Seconds of good health after the boot before it counts as success. Default: a minute. */
  readonly stableSeconds?: number;
  readonly downloadBytesPerSecond?: number;
}

/** Who uses it. */
export interface PolicyStatus {
  readonly fleets: readonly string[];
}

export type Policy = Resource<'Policy', PolicySpec, PolicyStatus>;
export type PolicyInput = ResourceInput<'Policy', PolicySpec>;

const windowSchema: z.ZodType<Window> = z.strictObject({
  cron: lineSchema.min(1).max(128),
  durationSeconds: secondsSchema,
  timeZone: timeZoneSchema.exactOptional(),
});

const approval = z.enum(['automatic', 'manual']).exactOptional();

const batchSchema: z.ZodType<Batch> = z.strictObject({
  name: lineSchema.min(1).max(64),
  selector: selectorSchema.exactOptional(),
  percent: percentSchema.exactOptional(),
  count: countSchema.exactOptional(),
  soakSeconds: secondsSchema.exactOptional(),
  successPercent: percentSchema.exactOptional(),
  approval,
});

export const policySpecSchema: z.ZodType<PolicySpec> = z
  .strictObject({
    description: lineSchema.exactOptional(),
    batches: z.array(batchSchema).max(100).exactOptional(),
    percentOverTime: z
      .strictObject({ startPercent: percentSchema, durationSeconds: secondsSchema })
      .exactOptional(),
    soakSeconds: secondsSchema.exactOptional(),
    successPercent: percentSchema.exactOptional(),
    errorThreshold: z
      .strictObject({
        count: z.int().min(1).exactOptional(),
        percent: percentSchema.exactOptional(),
        action: z.enum(['halt', 'halt-and-rollback']),
      })
      .exactOptional(),
    firstAlone: z.boolean().exactOptional(),
    maxConcurrent: z
      .strictObject({ count: z.int().min(1).exactOptional(), percent: percentSchema.exactOptional() })
      .exactOptional(),
    rate: z.strictObject({ count: z.int().min(1), periodSeconds: z.int().min(1) }).exactOptional(),
    disruptionBudget: z
      .strictObject({
        groupBy: z.array(labelNameSchema).max(8),
        maxUnavailable: z.int().min(1).exactOptional(),
        minAvailable: countSchema.exactOptional(),
      })
      .exactOptional(),
    downloadWindows: z.array(windowSchema).max(32).exactOptional(),
    applyWindows: z.array(windowSchema).max(32).exactOptional(),
    alertGate: z
      .strictObject({ url: z.httpUrl().max(2048), filter: lineSchema.exactOptional() })
      .exactOptional(),
    approval,
    deadlineSeconds: secondsSchema.exactOptional(),
    deviceTimeoutSeconds: z.int().min(60).max(31_536_000).exactOptional(),
    stableSeconds: secondsSchema.exactOptional(),
    downloadBytesPerSecond: z.int().min(1024).exactOptional(),
  })
  .meta({ id: 'PolicySpec' });

export const policySchema: z.ZodType<Policy> = resourceSchema(
  'Policy',
  policySpecSchema,
  z.object({ fleets: z.array(z.string()) }),
);
export const policyInputSchema: z.ZodType<PolicyInput> = resourceInputSchema('Policy', policySpecSchema);
