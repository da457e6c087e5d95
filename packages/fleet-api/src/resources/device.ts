import * as z from 'zod';
import { type DeviceReport, deviceReportSchema, UPDATE_PHASES, type UpdatePhase } from './device-report.ts';
import { type ImageRef, imageRefSchema } from './image.ts';
import { type Resource, type ResourceInput, resourceInputSchema, resourceSchema } from './resource.ts';
import { lineSchema, nameSchema, timeSchema } from './scalars.ts';

/** What people want of one device. */
export interface DeviceSpec {
  readonly description?: string;
  /** Fleet it belongs to whatever its labels say; without it the fleet whose selector matches. */
  readonly fleet?: string;
  /** Takes no update until then, or until it is lifted. */
  readonly hold?: { readonly reason: string; readonly until?: string };
}

export const CONNECTION_STATES = ['never', 'online', 'stale', 'offline'] as const;
export type ConnectionState = (typeof CONNECTION_STATES)[number];

export const UPDATE_STATES = ['up-to-date', 'out-of-date', 'updating', 'failed', 'unknown'] as const;
export type UpdateState = (typeof UPDATE_STATES)[number];

/** What a device is. */
export interface DeviceStatus {
  readonly lifecycle: 'enrolled' | 'decommissioned';
  readonly connection: {
    readonly state: ConnectionState;
    readonly lastSeenAt: string | null;
    readonly address: string | null;
    /** Why it is not online. */
    readonly reason: string | null;
  };
  /** The fleet it is in; null: none. */
  readonly fleet: string | null;
  readonly update: {
    readonly state: UpdateState;
    readonly phase: UpdatePhase;
    readonly release: string | null;
    readonly desiredRelease: string | null;
    readonly desired: ImageRef | null;
    readonly rollout: string | null;
    /** The one answer to "why is this device not up to date?"; null: it is. */
    readonly whyNotUpToDate: string | null;
    /** Digests this device failed with and is not given again. */
    readonly denied: readonly string[];
  };
  readonly certificate: { readonly serial: string; readonly notAfter: string } | null;
  readonly report: DeviceReport | null;
}

export type Device = Resource<'Device', DeviceSpec, DeviceStatus>;
export type DeviceInput = ResourceInput<'Device', DeviceSpec>;

const deviceSpecSchema: z.ZodType<DeviceSpec> = z.strictObject({
  description: lineSchema.exactOptional(),
  fleet: nameSchema.exactOptional(),
  hold: z.strictObject({ reason: lineSchema.min(1), until: timeSchema.exactOptional() }).exactOptional(),
});

const deviceStatusSchema: z.ZodType<DeviceStatus> = z.object({
  lifecycle: z.enum(['enrolled', 'decommissioned']),
  connection: z.object({
    state: z.enum(CONNECTION_STATES),
    lastSeenAt: timeSchema.nullable(),
    address: z.string().nullable(),
    reason: z.string().nullable(),
  }),
  fleet: nameSchema.nullable(),
  update: z.object({
    state: z.enum(UPDATE_STATES),
    phase: z.enum(UPDATE_PHASES),
    release: z.string().nullable(),
    desiredRelease: z.string().nullable(),
    desired: imageRefSchema.nullable(),
    rollout: z.string().nullable(),
    whyNotUpToDate: z.string().nullable(),
    denied: z.array(z.string()),
  }),
  certificate: z.object({ serial: z.string(), notAfter: timeSchema }).nullable(),
  report: deviceReportSchema.nullable(),
});

export const deviceSchema: z.ZodType<Device> = resourceSchema('Device', deviceSpecSchema, deviceStatusSchema);
export const deviceInputSchema: z.ZodType<DeviceInput> = resourceInputSchema('Device', deviceSpecSchema);

/** One thing that happened to a device. */
export interface TimelineEntry {
  readonly at: string;
  /** `enrolled`, `update-started`, `update-succeeded`, `update-failed`, `rolled-back`, `certificate-renewed`, … */
  readonly what: string;
  readonly message: string;
  readonly release: string | null;
}

export const timelineEntrySchema: z.ZodType<TimelineEntry> = z.object({
  at: timeSchema,
  what: z.string(),
  message: z.string(),
  release: z.string().nullable(),
});
