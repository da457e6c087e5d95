import { truncate } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf, type Operation, run, SlipwayError } from '@slipway/core';
import { openDeviceTarget, openRawSource, readFat, readGpt, sourceWindow, writeGptDisk } from '@slipway/disk';
import { type DiskPlan, placedGrub } from '../disk-plan.ts';
import { writeDisk } from '../write-disk.ts';
import type { Executors, InstallContext } from './context.ts';

/** Steps on a disk as a whole. */
export const DISK_EXECUTORS: Executors<
  'wipe-signatures' | 'clear-file' | 'clear' | 'write-disk' | 'verify-disk' | 'write-table' | 'read-table'
> = {
  'wipe-signatures': async ({ paths }, { operation }) => {
    for (const path of paths) {
      await run(['wipefs', '--all', path], {
        describe: `erase what is on ${path}`,
        debianPackage: 'util-linux',
        ...operation,
      });
    }
  },

  'clear-file': async ({ path, sizeBytes }) => {
    try {
      await truncate(path, 0);
      await truncate(path, sizeBytes);
    } catch (cause) {
      throw new SlipwayError('IO_FAILED', `cannot empty ${path}: ${messageOf(cause)}`, { cause });
    }
  },

  clear: async ({ path, offsetBytes, lengthBytes }, { operation }) => {
    const range = ['--offset', String(offsetBytes), '--length', String(lengthBytes)];
    await run(['blkdiscard', '--zeroout', ...range, path], {
      describe: `clear ${path}`,
      debianPackage: 'util-linux',
      ...operation,
    });
  },

  'write-disk': async ({ path }, context) => {
    const disk = wholeDisk(context);
    await using target = await openDeviceTarget(path, disk.layout.sizeBytes);
    await writeDisk(target, disk, `write ${path}`, context.operation);
  },

  'verify-disk': async ({ path }, context) => {
    const { layout, espUuid } = wholeDisk(context);
    await using source = await openRawSource(path, layout.sizeBytes);
    const found = await readGpt(source);
    if (JSON.stringify(found, bigText) !== JSON.stringify(layout, bigText))
      throw unreadable(path, 'partition table');
    const esp = layout.partitions.find(({ uuid }) => uuid === espUuid);
    const { root } = await readFat(sourceWindow(source, esp?.offsetBytes ?? 0, esp?.sizeBytes ?? 0));
    if (root.entries.size === 0) throw unreadable(path, 'boot partition');
  },

  'write-table': async ({ path, diskUuid, sizeBytes, partitions }, { host }) => {
    const layout = {
      diskUuid,
      sizeBytes,
      partitions: partitions.map(({ number, type, uuid, label, offsetBytes, sizeBytes: own }) => ({
        number,
        type,
        uuid,
        label,
        attributes: 0n,
        offsetBytes,
        sizeBytes: own,
      })),
    };
    await using target = await openDeviceTarget(path, sizeBytes);
    const grub = placedGrub(host.deployment, layout);
    await writeGptDisk(target, layout, {
      bootCode: grub?.bootCode,
      partitions: new Map(grub === undefined ? [] : [grub.content]),
    });
    await target.finish();
  },

  'read-table': async ({ path }, { operation, disk }) => {
    // udev looks at a disk as soon as it was written, and the kernel says that it is busy meanwhile. Under this lock udev keeps away, and
    // what it had begun is waited for (systemd: Locking Block Device Access).
    const locked = ['flock', '--timeout', UDEV_SECONDS, path] as const;
    const { exitCode, stderr } = await run([...locked, 'blockdev', '--rereadpt', path], {
      describe: `make the kernel see the partitions of ${path}`,
      debianPackage: 'util-linux',
      allowExitCodes: [1],
      ...operation,
    });
    if (exitCode !== 0) {
      const why = `the kernel does not look at the partitions of ${path} now (${stderr.trim()})`;
      // A disk that is written whole needs no partition now; everything else is made in them.
      if (disk === undefined) throw new SlipwayError('DISK_UNSUITABLE', `cannot install to ${path}: ${why}`);
      operation.log.warn(`${why}; it will when the machine starts`);
    }
    await settle(operation);
  },
};

/** As long as udev lets a rule take, in words for `flock`. */
const UDEV_SECONDS = '180';

/** Waits until device nodes are there, where udev makes them. */
export async function settle(operation: Operation): Promise<void> {
  try {
    await run(['udevadm', 'settle'], { describe: 'wait for devices', allowExitCodes: [1], ...operation });
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== 'TOOL_MISSING') throw error;
    await pause(100);
  }
}

function wholeDisk({ disk }: InstallContext): DiskPlan {
  if (disk === undefined)
    throw new SlipwayError('INTERNAL', 'cannot write a disk whole: it was not planned so');
  return disk;
}

function bigText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function unreadable(path: string, part: string): SlipwayError {
  return new SlipwayError(
    'IO_FAILED',
    `cannot trust ${path}: its ${part} does not read back as it was written`,
    { hint: 'the disk is damaged or lies about its size; look into the kernel log', details: { path } },
  );
}
