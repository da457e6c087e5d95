import { messageOf, type OperationOptions, operation, run, SlipwayError } from '@slipway/core';
import * as z from 'zod';
import type { BlockDevice } from './block-device.ts';

const COLUMNS = 'PATH,TYPE,SIZE,RO,LOG-SEC,FSTYPE,LABEL,PTTYPE,MOUNTPOINTS,MODEL,SERIAL';
/** Deeper stacks of devices are a loop. */
const DEEPEST = 12;

const TEXT = z.string().nullish();

interface LsblkDevice {
  readonly path: string;
  readonly type: string;
  readonly size: number | null;
  readonly ro: boolean;
  readonly 'log-sec': number | null;
  readonly fstype?: string | null | undefined;
  readonly label?: string | null | undefined;
  readonly pttype?: string | null | undefined;
  readonly mountpoints?: readonly (string | null)[] | undefined;
  readonly model?: string | null | undefined;
  readonly serial?: string | null | undefined;
  readonly children?: readonly LsblkDevice[] | undefined;
}

const DEVICE: z.ZodType<LsblkDevice> = z.lazy(() =>
  z.object({
    path: z.string(),
    type: z.string(),
    size: z.number().nullable(),
    ro: z.boolean(),
    'log-sec': z.number().nullable(),
    fstype: TEXT,
    label: TEXT,
    pttype: TEXT,
    mountpoints: z.array(z.string().nullable()).optional(),
    model: TEXT,
    serial: TEXT,
    children: z.array(DEVICE).optional(),
  }),
);

const ANSWER = z.object({ blockdevices: z.array(DEVICE) });

/**
 * Every block device of this machine, disks at the top.
 *
 * @throws SlipwayError TOOL_MISSING, TOOL_FAILED
 */
export async function listBlockDevices(options: OperationOptions = {}): Promise<readonly BlockDevice[]> {
  const { stdout } = await run(['lsblk', '--json', '--bytes', '--output', COLUMNS], {
    describe: 'look at the disks of this machine',
    debianPackage: 'util-linux',
    signal: operation(options).signal,
  });
  return parseLsblk(stdout.toString('utf8'));
}

/** @throws SlipwayError TOOL_FAILED when it is not what lsblk prints */
export function parseLsblk(text: string): readonly BlockDevice[] {
  try {
    return ANSWER.parse(JSON.parse(text)).blockdevices.map((each) => deviceOf(each, 0));
  } catch (cause) {
    throw new SlipwayError(
      'TOOL_FAILED',
      `cannot understand what lsblk says of the disks of this machine: ${messageOf(cause).split('\n')[0]}`,
      { hint: 'util-linux 2.37 or newer is needed', cause },
    );
  }
}

function deviceOf(from: LsblkDevice, depth: number): BlockDevice {
  if (depth > DEEPEST) throw new Error('devices are made of each other without end');
  return {
    path: from.path,
    type: from.type,
    sizeBytes: from.size ?? 0,
    isReadOnly: from.ro,
    sectorBytes: from['log-sec'] ?? 512,
    fileSystem: from.fstype ?? undefined,
    label: from.label ?? undefined,
    tableType: from.pttype ?? undefined,
    mountpoints: (from.mountpoints ?? []).filter((each) => each !== null),
    model: from.model?.trim() || undefined,
    serial: from.serial?.trim() || undefined,
    children: (from.children ?? []).map((each) => deviceOf(each, depth + 1)),
  };
}
