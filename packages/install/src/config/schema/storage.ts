import * as z from 'zod';
import type { DiskConfig, FilesystemConfig, PartitionConfig } from '../types.ts';
import { line, size, someLine, uuid } from './scalars.ts';

const mountpoint = z
  .string()
  .max(4096)
  .regex(
    /^\/(?:(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.@:+-]+(?:\/(?!$)|$))*$/,
    'must be an absolute path without . or ..',
  );

const fsType = z.enum(['ext4', 'xfs', 'btrfs', 'vfat', 'swap', 'none']);

/** How large something may become; one of `size`, or any of the others. */
const sizing = {
  minsize: size.optional().describe('At least so large; what min is'),
  min: size.optional().describe('At least so large'),
  size: size.optional().describe('Exactly so large'),
  max: size.optional().describe('At most so large when it grows'),
  percent: z.number().gt(0).max(100).optional().describe('This share of the disk'),
  grow: z.boolean().optional().describe('Take an equal share of what is left of the disk'),
};

const fileSystem = {
  mountpoint: mountpoint.optional(),
  label: someLine.max(16, 'must have at most 16 characters').optional().describe('Label of the file system'),
  fs_type: fsType.optional(),
  mount_options: someLine
    .regex(/^[^\s]+$/, 'must hold no spaces')
    .optional()
    .describe('Options of mount(8)'),
};

const encryption = z.strictObject({
  passphrase: someLine.optional(),
  tpm2: z.boolean().optional().describe('Unlocked by the TPM of the machine'),
  recovery_key: z.boolean().optional().describe('Make a recovery key and show it once'),
});

const logicalVolume = z.strictObject({ name: someLine.optional(), ...sizing, ...fileSystem });
const subvolume = z.strictObject({ name: someLine, mountpoint: mountpoint.optional() });

const partitionSchema: z.ZodType<PartitionConfig> = z.strictObject({
  type: z.enum(['plain', 'lvm', 'btrfs', 'raid']).optional().describe('plain unless given'),
  ...sizing,
  ...fileSystem,
  part_type: z
    .union([uuid, z.string().regex(/^[0-9a-fA-F]{2}$/)], {
      error: 'must be a UUID, or two hexadecimal digits',
    })
    .optional(),
  part_label: line.max(36, 'must have at most 36 characters').optional(),
  part_uuid: uuid.optional(),
  name: someLine.optional().describe('Name of the volume group, or of this member of a RAID'),
  logical_volumes: z.array(logicalVolume).optional(),
  subvolumes: z.array(subvolume).optional(),
  encryption: encryption.optional().describe('LUKS2'),
  device: someLine.optional().describe('The disk it goes on, where there are several'),
});

const raidSchema = z.strictObject({
  name: someLine,
  level: z.enum(['0', '1', '4', '5', '6', '10']),
  members: z.array(someLine).min(1),
  spares: z.int().min(0).optional(),
  ...fileSystem,
  encryption: encryption.optional(),
});

export const diskSchema: z.ZodType<DiskConfig> = z.strictObject({
  type: z.enum(['gpt', 'dos']).optional(),
  minsize: size.optional().describe('Size of the disk, where no other is asked for'),
  start_offset: size.optional(),
  sector_size: z.int().optional(),
  partitions: z.array(partitionSchema).optional(),
  raid: z.array(raidSchema).optional(),
  drives: z.array(someLine).optional().describe('The disks an installer may use'),
  boot_drive: someLine.optional().describe('The disk that gets the boot partition, where there are several'),
  wipe: z.boolean().optional().describe('An installer may erase what is on them'),
});

/** The older way to ask for more room or another file system. */
export const filesystemSchema: z.ZodType<FilesystemConfig> = z
  .strictObject({
    mountpoint,
    minsize: size.optional(),
    size: size.optional().describe('Older name of minsize'),
  })
  .refine((each) => (each.minsize ?? each.size) !== undefined, 'must have a minsize');

export const swapSchema: z.ZodType<{ readonly size: number }> = z.strictObject({
  size: size.describe('Room for swap, a partition of its own'),
});
