/** What the functions of a host need from the system they run on, in one place, so that a directory can stand in for it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { readLoaderVariable, setLoaderVariable } from '@slipway/boot';
import { type Clock, systemClock } from '@slipway/core';
import { type BootCopies, mountBootCopies } from './boot-copies/mount-copies.ts';
import type { BoundStore } from './bound/bound-store.ts';
import { type HostLayout, hostLayout } from './layout.ts';

/** A place in a transaction right after something reached the disk: a test cuts the power there. */
export type Checkpoint =
  | 'pulled'
  | 'deployment-written'
  | 'kernel-written'
  | 'staged-written'
  | 'etc-merged'
  | 'etc-published'
  | 'expected-written'
  | 'state-exchanged'
  | 'entry-written'
  | 'staged-removed'
  | 'entry-removed'
  | 'entries-tidied'
  | 'boot-versioned'
  | 'boot-copied'
  | 'expected-removed'
  | 'adoption-recorded'
  | 'adoption-forgotten'
  | 'streams-written';

/** The system a host runs on. */
export interface HostSystem {
  readonly layout: HostLayout;
  /** The live `/etc`. */
  readonly etc: string;
  /** Where the ESP is mounted. */
  readonly esp: string;
  /** For what need not survive a reboot and everyone may read. */
  readonly runDirectory: string;
  /** Where bootc says what it staged. */
  readonly bootcRunDirectory: string;
  /** As Go writes it: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly clock: Clock;
  /** `/proc/self/mountinfo`. */
  mountInfo(): Promise<string>;
  /** `/proc/cmdline`. */
  commandLine(): Promise<string>;
  /** The kernel's random id of this boot. */
  bootId(): Promise<string>;
  /** The entry pinned in the firmware as the default, if any. */
  pinnedEntry(): Promise<string | undefined>;
  unpinEntry(): Promise<void>;
  /** Mounts the boot partitions of the other disks the root lies on. */
  mountBootCopies(): Promise<BootCopies>;
  /** Whether userspace can start anew under the same kernel, into another deployment. */
  canSoftReboot(): Promise<boolean>;
  /** Where bound images are kept; podman's storage unless given. */
  readonly boundStore?: BoundStore;
  /** Called after each durable step of a transaction. */
  checkpoint?(point: Checkpoint): void;
}

/** Of a systemd that can (254 and later). */
const SOFT_REBOOT_TARGET = '/usr/lib/systemd/system/soft-reboot.target';
/** There while SELinux is on, whose policy would be that of the deployment before. */
const SELINUX = '/sys/fs/selinux/enforce';

/** The system this process runs on. */
export function runningSystem(): HostSystem {
  const layout = hostLayout();
  const mountInfo = (): Promise<string> => readFile('/proc/self/mountinfo', 'utf8');
  const places = { sysroot: layout.sysroot, esp: '/boot', runDirectory: '/run/slipway' };
  return {
    layout,
    etc: '/etc',
    esp: places.esp,
    runDirectory: places.runDirectory,
    bootcRunDirectory: '/run/composefs',
    architecture: goArchitecture(process.arch),
    clock: systemClock,
    mountInfo,
    commandLine: () => readFile('/proc/cmdline', 'utf8'),
    bootId: async () => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
    pinnedEntry: () => readLoaderVariable('LoaderEntryDefault'),
    unpinEntry: () => setLoaderVariable('LoaderEntryDefault', undefined),
    mountBootCopies: async () => mountBootCopies(await mountInfo(), places),
    canSoftReboot: async () => existsSync(SOFT_REBOOT_TARGET) && !existsSync(SELINUX),
  };
}

/** An architecture of Node as Go and OCI write it. */
export function goArchitecture(arch: string): string {
  return arch === 'x64' ? 'amd64' : arch;
}
