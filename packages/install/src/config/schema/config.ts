import * as z from 'zod';
import type { ImageConfig } from '../types.ts';
import { groupSchema, sshKeySchema, userSchema } from './accounts.ts';
import { line } from './scalars.ts';
import { diskSchema, filesystemSchema, swapSchema } from './storage.ts';
import {
  directorySchema,
  fileSchema,
  firewallSchema,
  hostnameSchema,
  installerSchema,
  kernelSchema,
  localeSchema,
  servicesSchema,
  sshdSchema,
  timezoneSchema,
} from './system.ts';

const firstBoot = z.strictObject({
  firstboot: z.strictObject({ url: line.optional(), empty: z.boolean().optional() }).optional(),
  embedded: z.strictObject({ config: z.string() }).optional(),
});

/** What a disk or an installed system becomes. */
const customizationsSchema = z.strictObject({
  hostname: hostnameSchema.optional(),
  timezone: timezoneSchema.optional(),
  locale: localeSchema.optional(),
  user: z.array(userSchema).optional(),
  group: z.array(groupSchema).optional(),
  sshkey: z.array(sshKeySchema).optional(),
  kernel: kernelSchema.optional(),
  services: servicesSchema.optional(),
  sshd: sshdSchema.optional(),
  firewall: firewallSchema.optional(),
  files: z.array(fileSchema).optional(),
  directories: z.array(directorySchema).optional(),
  swap: swapSchema.optional(),
  disk: diskSchema.optional(),
  filesystem: z.array(filesystemSchema).optional(),
  installer: installerSchema.optional(),
  ignition: firstBoot.optional(),
  fips: z.boolean().optional(),
  bootloader: z.looseObject({}).optional(),
  iso: z
    .strictObject({
      volume_id: z
        .string()
        .regex(/^[\w-]+$/, 'must be letters, digits, _ and -')
        .optional(),
      application_id: line.optional(),
      publisher: line.optional(),
    })
    .optional(),
  // Part of the format of others; a container image brings these along, so asking for them here is refused by name.
  installation_device: line.optional(),
  partitioning_mode: line.optional(),
  openscap: z.unknown().optional(),
  rhsm: z.unknown().optional(),
  rpm: z.unknown().optional(),
  repositories: z.unknown().optional(),
  cacerts: z.unknown().optional(),
  fdo: z.unknown().optional(),
  firstboot: z.unknown().optional(),
  dnf: z.unknown().optional(),
  'containers-storage': z.unknown().optional(),
});

/** A configuration file: the format of bootc-image-builder, and more. */
export const configSchema: z.ZodType<ImageConfig> = z.strictObject({
  name: line.optional(),
  description: line.optional(),
  version: line.optional(),
  distro: line.optional(),
  arch: line.optional(),
  architecture: line.optional(),
  packages: z.array(z.unknown()).optional().describe('Must be empty: packages are part of the image'),
  modules: z.array(z.unknown()).optional().describe('Must be empty'),
  enabled_modules: z.array(z.unknown()).optional().describe('Must be empty'),
  groups: z.array(z.unknown()).optional().describe('Must be empty'),
  containers: z.array(z.unknown()).optional().describe('Must be empty'),
  customizations: customizationsSchema.optional(),
});
