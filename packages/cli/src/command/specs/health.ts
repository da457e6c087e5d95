import { parsedValueOr } from '../option.ts';
import { JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';
import { wholeNumber } from '../values.ts';

const TIME_LIMIT = parsedValueOr('120', wholeNumber(1, 3600), 'SECONDS', 'how long each script may take');

/** Whether boots are good, and what follows when they are not. */
export const HEALTH_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['health'],
    summary: 'show what the health checks of this boot found',
    description: [
      'Prints whether this boot was found good, what each check said, and, after the host went back by itself, what failed before and why.',
      'Checks are scripts in check/required.d and check/wanted.d of /usr/lib/greenboot and /etc/greenboot, and units that boot-complete.target requires.',
    ],
    arguments: {},
    options: { json: JSON_OPTION },
    json: 'health, checks, fallback and failedBoot',
    exitCodes: [{ code: 1, meaning: 'this boot is bad, or this machine is not a Slipway host' }],
    examples: [
      { command: 'slipway health', why: 'is this host well, and did it go back by itself' },
      { command: 'slipway health --json | jq .fallback', why: 'what a fleet is to know about it' },
    ],
    load: async () => (await import('../../commands/health.ts')).health,
  }),
  defineCommand({
    path: ['internals', 'check-health'],
    summary: 'run the health checks of this boot',
    description: ['Called by slipway-health.service at every boot; fails when a required check does.'],
    arguments: {},
    options: { timeLimit: TIME_LIMIT },
    hidden: true,
    examples: [{ command: 'slipway internals check-health', why: 'what the unit runs' }],
    load: async () => (await import('../../commands/internals-check-health.ts')).internalsCheckHealth,
  }),
  defineCommand({
    path: ['internals', 'boot-good'],
    summary: 'run what is to follow a good boot',
    description: ['Called by slipway-boot-good.service: the scripts of green.d.'],
    arguments: {},
    options: { timeLimit: TIME_LIMIT },
    hidden: true,
    examples: [{ command: 'slipway internals boot-good', why: 'what the unit runs' }],
    load: async () => (await import('../../commands/internals-boot-good.ts')).internalsBootGood,
  }),
  defineCommand({
    path: ['internals', 'bless'],
    summary: 'end the counting of boot attempts: this boot is good',
    description: [
      'Called by slipway-bless-boot.service on machines GRUB was started on; systemd-bless-boot.service does it where systemd-boot was.',
    ],
    arguments: {},
    options: {},
    hidden: true,
    examples: [{ command: 'slipway internals bless', why: 'what the unit runs' }],
    load: async () => (await import('../../commands/internals-bless.ts')).internalsBless,
  }),
  defineCommand({
    path: ['internals', 'copy-boot'],
    summary: 'copy the boot partition to the other disks the root lies on',
    description: [
      'Called by slipway-boot-copies.service, after systemd-bless-boot.service gave an entry another name.',
    ],
    arguments: {},
    options: {},
    hidden: true,
    examples: [{ command: 'slipway internals copy-boot', why: 'what the unit runs' }],
    load: async () => (await import('../../commands/internals-copy-boot.ts')).internalsCopyBoot,
  }),
  defineCommand({
    path: ['internals', 'boot-failed'],
    summary: 'record why this boot failed, and go back where that helps',
    description: [
      'Called by slipway-boot-failed.service when boot-complete.target was not reached: runs the scripts of red.d, and reboots into another deployment when this one was on trial.',
    ],
    arguments: {},
    options: { timeLimit: TIME_LIMIT },
    hidden: true,
    examples: [{ command: 'slipway internals boot-failed', why: 'what the unit runs' }],
    load: async () => (await import('../../commands/internals-boot-failed.ts')).internalsBootFailed,
  }),
  defineCommand({
    path: ['internals', 'fleet-steady'],
    summary: 'tell the fleet lock that this host is steady again',
    description: ['Called by slipway-fleet-steady.service after a good boot, where a reboot was asked for.'],
    arguments: {},
    options: {},
    hidden: true,
    examples: [{ command: 'slipway internals fleet-steady', why: 'what the unit runs' }],
    load: async () => (await import('../../commands/internals-fleet-steady.ts')).internalsFleetSteady,
  }),
  defineCommand({
    path: ['internals', 'auto-update'],
    summary: 'update this host as far as its policy lets it now',
    description: [
      'Called by slipway-update.service: reads /etc/slipway/update.toml, and checks, downloads, stages or applies.',
    ],
    arguments: {},
    options: {},
    hidden: true,
    examples: [{ command: 'slipway internals auto-update', why: 'what the unit runs' }],
    load: async () => (await import('../../commands/internals-auto-update.ts')).internalsAutoUpdate,
  }),
];
