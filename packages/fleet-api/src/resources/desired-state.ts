import * as z from 'zod';
import { type ImageRef, imageRefSchema } from './image.ts';
import { countSchema, digestSchema, timeSchema } from './scalars.ts';

/** A file the fleet puts on a host, its template already filled in. */
export interface DesiredFile {
  readonly path: string;
  /** Octal, `0644`. */
  readonly mode: string;
  readonly contentBase64: string;
}

/** An application on a host; the content of a quadlet file. */
export interface DesiredApp {
  readonly name: string;
  readonly quadlet: string;
}

/**
 * What a device should be. `image` null: whatever it runs is fine.
 *
 * `download`: fetch the image and do not apply it yet; `apply`: stage it, reboot, verify; `hold`: finish nothing new; `rollback`: go
 * back to the deployment before.
 */
export interface DesiredState {
  readonly action: 'none' | 'download' | 'apply' | 'hold' | 'rollback';
  /** Names this order; the device says it back. The same order keeps its name. */
  readonly updateId: string | null;
  readonly release: string | null;
  readonly image: ImageRef | null;
  /** Before it nothing is applied: the window of the policy in the device's time zone opens then. */
  readonly notBefore: string | null;
  readonly deadline: string | null;
  /** Null: as fast as it can. */
  readonly downloadBytesPerSecond: number | null;
  /** Seconds the new image must run in good health before the device may say `succeeded`. */
  readonly stableSeconds: number;
  /** Digests it must not boot again. */
  readonly denied: readonly string[];
  readonly config: {
    readonly digest: string | null;
    readonly files: readonly DesiredFile[];
    readonly apps: readonly DesiredApp[];
    /** Reverted unless the device reaches the server again within so many seconds; null: no try mode. */
    readonly trySeconds: number | null;
    /** Why it cannot be said at present what the configuration is: the device keeps what it has, whatever stands above. */
    readonly problem?: string;
  };
  /** The identity is withdrawn: forget key, certificate and configuration. */
  readonly decommission: boolean;
}

export const desiredFileSchema: z.ZodType<DesiredFile> = z.object({
  path: z.string(),
  mode: z.string(),
  contentBase64: z.string(),
});

export const desiredStateSchema: z.ZodType<DesiredState> = z
  .object({
    action: z.enum(['none', 'download', 'apply', 'hold', 'rollback']),
    updateId: z.string().nullable(),
    release: z.string().nullable(),
    image: imageRefSchema.nullable(),
    notBefore: timeSchema.nullable(),
    deadline: timeSchema.nullable(),
    downloadBytesPerSecond: countSchema.nullable(),
    stableSeconds: countSchema,
    denied: z.array(digestSchema),
    config: z.object({
      digest: digestSchema.nullable(),
      files: z.array(desiredFileSchema),
      apps: z.array(z.object({ name: z.string(), quadlet: z.string() })),
      trySeconds: countSchema.nullable(),
      problem: z.string().exactOptional(),
    }),
    decommission: z.boolean(),
  })
  .meta({ id: 'DesiredState' });
