import * as z from 'zod';
import { type ImageRef, imageRefSchema } from './image.ts';
import {
  countSchema,
  digestSchema,
  lineSchema,
  percentSchema,
  timeSchema,
  timeZoneSchema,
} from './scalars.ts';

/** What a device does about an update, in the order it happens. */
export const UPDATE_PHASES = [
  'idle',
  'waiting',
  'downloading',
  'downloaded',
  'staging',
  'staged',
  'rebooting',
  'verifying',
  'succeeded',
  'rolling-back',
  'failed',
] as const;
export type UpdatePhase = (typeof UPDATE_PHASES)[number];

/** A failure as a device tells it. */
export interface ReportedFailure {
  readonly code: string;
  readonly message: string;
}

/** The update a device is at. */
export interface UpdateReport {
  readonly phase: UpdatePhase;
  /** The `updateId` it was told. */
  readonly updateId: string | null;
  readonly target: string | null;
  readonly progressPercent?: number;
  readonly failure?: ReportedFailure;
  readonly since?: string;
}

/** One health check. */
export interface CheckReport {
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly message?: string;
}

/** Everything a device says about itself. */
export interface DeviceReport {
  readonly agentVersion: string;
  readonly architecture: string;
  readonly bootId: string;
  readonly timeZone?: string;
  readonly image: {
    readonly booted: ImageRef | null;
    readonly staged: ImageRef | null;
    readonly rollback: ImageRef | null;
  };
  readonly update: UpdateReport;
  readonly health: {
    readonly state: 'healthy' | 'degraded' | 'failed' | 'unknown';
    readonly checks: readonly CheckReport[];
  };
  /** Files of `/etc` that differ from the image's. */
  readonly etcDriftCount?: number;
  readonly freeBytes?: number;
  readonly sbomDigest?: string;
  /** Digest of the configuration that is applied. */
  readonly configDigest?: string;
  /** Hardware, versions and whatever else it knows, flat. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

const factsSchema = z
  .record(z.string().min(1).max(128), z.union([z.string().max(1024), z.number(), z.boolean()]))
  .refine((facts) => Object.keys(facts).length <= 256, 'must be 256 facts at most');

const updateReportSchema: z.ZodType<UpdateReport> = z.object({
  phase: z.enum(UPDATE_PHASES),
  updateId: z.string().max(64).nullable(),
  target: digestSchema.nullable(),
  progressPercent: percentSchema.exactOptional(),
  failure: z.object({ code: z.string().max(64), message: z.string().max(2048) }).exactOptional(),
  since: timeSchema.exactOptional(),
});

export const deviceReportSchema: z.ZodType<DeviceReport> = z
  .object({
    agentVersion: lineSchema.max(64),
    architecture: lineSchema.max(32),
    bootId: lineSchema.max(64),
    timeZone: timeZoneSchema.exactOptional(),
    image: z.object({
      booted: imageRefSchema.nullable(),
      staged: imageRefSchema.nullable(),
      rollback: imageRefSchema.nullable(),
    }),
    update: updateReportSchema,
    health: z.object({
      state: z.enum(['healthy', 'degraded', 'failed', 'unknown']),
      checks: z
        .array(
          z.object({
            name: z.string().max(128),
            state: z.enum(['passed', 'failed', 'skipped']),
            message: z.string().max(1024).exactOptional(),
          }),
        )
        .max(128),
    }),
    etcDriftCount: countSchema.exactOptional(),
    freeBytes: countSchema.exactOptional(),
    sbomDigest: digestSchema.exactOptional(),
    configDigest: digestSchema.exactOptional(),
    facts: factsSchema,
  })
  .meta({ id: 'DeviceReport' });
