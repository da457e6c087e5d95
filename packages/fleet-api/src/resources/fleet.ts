import * as z from 'zod';
import { type ConfigFile, configFileInputSchema, configFileSchema } from './config-file.ts';
import { type PolicySpec, policySpecSchema } from './policy.ts';
import { type Resource, type ResourceInput, resourceInputSchema, resourceSchema } from './resource.ts';
import { countSchema, lineSchema, nameSchema, secondsSchema, textSchema } from './scalars.ts';
import { selectorSchema } from './selector.ts';
import { templateFault } from './template.ts';

/** An application on every host of a fleet: a quadlet, by the name of its file. */
export interface FleetApp {
  readonly name: string;
  /** `{{ .name }}` and `{{ .labels.site }}` are filled in per device. */
  readonly quadlet: string;
  /** False: braces stay as they are. */
  readonly template?: boolean;
}

/** How many hosts of a fleet that ask by FleetLock may restart at once, and for how long one may be away. */
export interface RebootLocks {
  /** Default: what the policy has as `maxConcurrent`, and one without it. */
  readonly slots?: number;
  /** A lock nobody gave back for so long is taken away. Default: four hours. */
  readonly ttlSeconds?: number;
}

/** What people want of a fleet. */
export interface FleetSpec {
  readonly description?: string;
  /** Devices whose labels it matches belong to the fleet; empty: only those that name the fleet themselves. */
  readonly selector: string;
  /** The release its devices should run; without one they keep what they run. Changing it starts a rollout. */
  readonly release?: string;
  /** Name of a policy, or one written out; without it devices are updated one after another. */
  readonly policy?: string | PolicySpec;
  /** Seconds between check-ins. Default 60. */
  readonly intervalSeconds?: number;
  readonly config?: readonly ConfigFile[];
  readonly apps?: readonly FleetApp[];
  /** Configuration is reverted unless the device reaches the server again within so many seconds. */
  readonly trySeconds?: number;
  readonly rebootLocks?: RebootLocks;
}

/** Devices of a fleet, counted. */
export interface DeviceCounts {
  readonly total: number;
  readonly online: number;
  readonly stale: number;
  readonly offline: number;
  readonly upToDate: number;
  readonly outOfDate: number;
  readonly updating: number;
  readonly failed: number;
  readonly unknown: number;
}

export interface FleetStatus {
  readonly devices: DeviceCounts;
  /** The rollout that runs, waits or was the last. */
  readonly rollout: string | null;
}

export type Fleet = Resource<'Fleet', FleetSpec, FleetStatus>;
export type FleetInput = ResourceInput<'Fleet', FleetSpec>;

export const deviceCountsSchema: z.ZodType<DeviceCounts> = z
  .object({
    total: countSchema,
    online: countSchema,
    stale: countSchema,
    offline: countSchema,
    upToDate: countSchema,
    outOfDate: countSchema,
    updating: countSchema,
    failed: countSchema,
    unknown: countSchema,
  })
  .meta({ id: 'DeviceCounts' });

const appSchema: z.ZodType<FleetApp> = z.strictObject({
  name: nameSchema,
  quadlet: textSchema,
  template: z.boolean().exactOptional(),
});
const appInputSchema: z.ZodType<FleetApp> = appSchema.check(({ value, issues }) => {
  const fault = value.template === false ? undefined : templateFault(value.quadlet);
  if (fault !== undefined) issues.push({ code: 'custom', message: fault, input: value, path: ['quadlet'] });
});

const shape = {
  description: lineSchema.exactOptional(),
  selector: selectorSchema,
  release: nameSchema.exactOptional(),
  policy: z.union([nameSchema, policySpecSchema]).exactOptional(),
  intervalSeconds: z.int().min(5).max(86_400).exactOptional(),
  config: z.array(configFileSchema).max(256).exactOptional(),
  apps: z.array(appSchema).max(64).exactOptional(),
  trySeconds: secondsSchema.exactOptional(),
  rebootLocks: z
    .strictObject({
      slots: z.int().min(1).max(100_000).exactOptional(),
      ttlSeconds: z.int().min(60).max(2_592_000).exactOptional(),
    })
    .exactOptional(),
};

export const fleetSchema: z.ZodType<Fleet> = resourceSchema(
  'Fleet',
  z.strictObject(shape),
  z.object({ devices: deviceCountsSchema, rollout: z.string().nullable() }),
);
export const fleetInputSchema: z.ZodType<FleetInput> = resourceInputSchema(
  'Fleet',
  z.strictObject({
    ...shape,
    config: z.array(configFileInputSchema).max(256).exactOptional(),
    apps: z.array(appInputSchema).max(64).exactOptional(),
  }),
);
