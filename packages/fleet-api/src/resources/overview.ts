import * as z from 'zod';
import { type DeviceCounts, deviceCountsSchema } from './fleet.ts';
import { countSchema, timeSchema } from './scalars.ts';

/** What the first page shows. */
export interface Overview {
  readonly devices: DeviceCounts;
  readonly releases: readonly { readonly release: string | null; readonly devices: number }[];
  readonly fleets: number;
  readonly activeRollouts: number;
  /** What waits for a person. */
  readonly needsYou: {
    readonly enrolments: number;
    readonly approvals: number;
    readonly haltedRollouts: number;
    readonly failedDevices: number;
    readonly unknownImages: number;
  };
}

export const overviewSchema: z.ZodType<Overview> = z
  .object({
    devices: deviceCountsSchema,
    releases: z.array(z.object({ release: z.string().nullable(), devices: countSchema })),
    fleets: countSchema,
    activeRollouts: countSchema,
    needsYou: z.object({
      enrolments: countSchema,
      approvals: countSchema,
      haltedRollouts: countSchema,
      failedDevices: countSchema,
      unknownImages: countSchema,
    }),
  })
  .meta({ id: 'Overview' });

/** A reboot lock a host holds (FleetLock, and rollouts). */
export interface Lock {
  readonly group: string;
  /** What the host calls itself. */
  readonly holder: string;
  /** The device that is, where it is one. */
  readonly owner: string | null;
  readonly reason: string | null;
  readonly acquiredAt: string;
  readonly expiresAt: string | null;
}

export const lockSchema: z.ZodType<Lock> = z
  .object({
    group: z.string(),
    holder: z.string(),
    owner: z.string().nullable(),
    reason: z.string().nullable(),
    acquiredAt: timeSchema,
    expiresAt: timeSchema.nullable(),
  })
  .meta({ id: 'Lock' });

/** Whether the server is well. */
export interface Health {
  readonly status: 'ok' | 'failing';
  readonly version: string;
}

export const healthSchema: z.ZodType<Health> = z.object({
  status: z.enum(['ok', 'failing']),
  version: z.string(),
});
