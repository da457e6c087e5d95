import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, run } from '@slipway/core';
import { mountAt } from '../mount-table.ts';
import { otherBootPartitions } from './find-partitions.ts';

/** A boot partition of another disk. */
export interface BootCopy {
  /** `/dev/vdb1` */
  readonly device: string;
  /** Where it is mounted; undefined where it could not be. */
  readonly esp: string | undefined;
  /** Why not. */
  readonly reason?: string;
}

/** They are mounted until they are let go. */
export interface BootCopies extends AsyncDisposable {
  readonly copies: readonly BootCopy[];
}

/** The places of a system that this needs. */
interface Places {
  readonly sysroot: string;
  readonly esp: string;
  /** Below it they are mounted. */
  readonly runDirectory: string;
}

/** As the one at `/boot` is. */
const OPTIONS = 'umask=0077,noatime,nosuid,nodev,noexec';

/** Mounts the boot partitions of the other disks; one that cannot be keeps no other from it. */
export async function mountBootCopies(mountInfo: string, places: Places): Promise<BootCopies> {
  const names = await otherBootPartitions(mountInfo, places);
  await using mounted = new AsyncDisposableStack();
  const copies: BootCopy[] = [];
  for (const name of names) {
    const device = `/dev/${name}`;
    const path = join(places.runDirectory, 'boot-copies', name);
    try {
      // Whoever was killed left it.
      if (mountAt(mountInfo, path) !== undefined) await unmount(path);
      await mount(device, path);
      mounted.defer(() => unmount(path));
      copies.push({ device, esp: path });
    } catch (thrown) {
      copies.push({ device, esp: undefined, reason: messageOf(thrown) });
    }
  }
  const owned = mounted.move();
  return { copies, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function mount(device: string, path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  // What systemd does before it mounts the other one: after a power cut there may be clusters that belong to nothing.
  await run(['fsck.vfat', '-a', device], {
    describe: `check the boot partition ${device}`,
    debianPackage: 'dosfstools',
    allowExitCodes: [1],
  });
  await run(['mount', '-t', 'vfat', '-o', OPTIONS, device, path], {
    describe: `mount the boot partition ${device}`,
  });
}

async function unmount(path: string): Promise<void> {
  await run(['umount', path], { describe: `unmount ${path}` });
}
