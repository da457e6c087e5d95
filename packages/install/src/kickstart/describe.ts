import { formatBytes } from '@slipway/core';
import type { Customizations, SizingConfig } from '../config/types.ts';
import type { DiskSelection } from './disk-selection.ts';
import type { KickstartPlan, KickstartScript } from './plan.ts';

/** What a file would do, a line each, disks first. */
export function describeKickstart(plan: KickstartPlan): readonly string[] {
  const customizations = plan.config.config.customizations ?? {};
  const named = (when: KickstartScript['when']): readonly string[] =>
    plan.scripts.filter((each) => each.when === when).map(scriptLine);
  return [
    ...named('pre'),
    ...diskLines(plan.disks),
    ...partitionLines(customizations, plan),
    ...named('pre-install'),
    `image: ${plan.image === undefined ? 'the one the installer carries' : plan.image.source}`,
    ...(plan.image?.target === undefined ? [] : [`updates from: ${plan.image.target}`]),
    ...systemLines(customizations),
    ...named('post'),
    ...named('onerror'),
    `end: the machine ${plan.finish === 'halt' ? 'halts' : plan.finish === 'reboot' ? 'reboots' : 'is switched off'}`,
  ];
}

function scriptLine({ when, interpreter, inNewSystem, stopsOnError, file, line }: KickstartScript): string {
  const place = inNewSystem ? 'in the new system' : 'in the installer';
  const failure = stopsOnError ? 'its failure stops the installation' : 'its failure is only logged';
  return `%${when} (${file}:${line}): runs ${interpreter} ${place}; ${failure}`;
}

function diskLines(disks: DiskSelection): readonly string[] {
  const { use, ignore, clear, clearDrives, newLabel, partitions, initialisesUnreadable } = disks;
  const usable =
    use.length > 0
      ? use.join(', ')
      : ignore.length > 0
        ? `every disk but ${ignore.join(', ')}`
        : 'every disk of the machine';
  const cleared = clearDrives.length > 0 ? clearDrives.join(', ') : usable;
  const lines = [`disks: ${usable}`];
  if (clear === 'all') lines.push(`${cleared}: EVERY PARTITION IS REMOVED`);
  if (clear === 'linux') lines.push(`${cleared}: partitions of Linux are removed`);
  if (clear === 'list') lines.push(`partitions removed: ${partitions.join(', ')}`);
  if (clear === 'none') lines.push('nothing is removed; free space is used');
  if (newLabel !== undefined) lines.push(`${cleared}: gets a new partition table (${newLabel})`);
  if (initialisesUnreadable) lines.push('disks without a readable partition table get a new one');
  return lines;
}

function partitionLines({ disk }: Customizations, { mounts }: KickstartPlan): readonly string[] {
  const lines = mounts.map(({ device, mountpoint, reformat }) => {
    return `${device}: mounted at ${mountpoint}, ${reformat === false ? 'kept as it is' : 'MADE ANEW'}`;
  });
  const own = disk?.partitions ?? [];
  if (disk?.boot_drive !== undefined) lines.push(`boot partition: on ${disk.boot_drive}`);
  if (mounts.length === 0 && !own.some(({ mountpoint }) => mountpoint === '/')) {
    const isElsewhere = own.some(({ type }) => type === 'lvm' || type === 'btrfs' || type === 'raid');
    if (!isElsewhere) lines.push('partition /: ext4, what the others leave');
  }
  for (const partition of own) {
    const what = partition.mountpoint ?? partition.name ?? partition.fs_type ?? 'btrfs';
    const kind =
      partition.type === undefined || partition.type === 'plain'
        ? (partition.fs_type ?? 'ext4')
        : partition.type;
    const where = partition.device === undefined ? '' : `, on ${partition.device}`;
    const sealed = partition.encryption === undefined ? '' : ', encrypted';
    lines.push(`partition ${what}: ${kind}, ${sizeWords(partition)}${sealed}${where}`);
    for (const volume of partition.logical_volumes ?? []) {
      lines.push(
        `  volume ${volume.name ?? ''}: ${volume.mountpoint ?? volume.fs_type ?? 'not mounted'}, ${sizeWords(volume)}`,
      );
    }
    for (const { name, mountpoint } of partition.subvolumes ?? [])
      lines.push(`  subvolume ${name}: ${mountpoint ?? 'not mounted'}`);
  }
  for (const { name, level, members, mountpoint } of disk?.raid ?? []) {
    lines.push(`raid ${name}: level ${level} of ${members.join(', ')}, ${mountpoint ?? 'not mounted'}`);
  }
  return lines;
}

function sizeWords({ size, min, max, percent, grow }: SizingConfig): string {
  if (size !== undefined) return formatBytes(size);
  if (percent !== undefined) return `${percent} %`;
  const most = max === undefined ? '' : ` up to ${formatBytes(max)}`;
  const least = min === undefined ? '' : `at least ${formatBytes(min)}`;
  if (grow === true) return `${least}, grows${most}`.replace(/^, /, '');
  return least === '' ? 'what the others leave' : least;
}

function systemLines(customizations: Customizations): readonly string[] {
  const {
    hostname,
    timezone,
    locale,
    user = [],
    group = [],
    sshkey = [],
    services,
    firewall,
    kernel,
    files = [],
  } = customizations;
  const list = (name: string, values: readonly string[] | undefined): readonly string[] =>
    values === undefined || values.length === 0 ? [] : [`${name}: ${values.join(', ')}`];
  return [
    ...list('host name', hostname === undefined ? [] : [hostname]),
    ...list('time zone', timezone?.timezone === undefined ? [] : [timezone.timezone]),
    ...list('time servers', timezone?.ntpservers),
    ...list('languages', locale?.languages),
    ...list('keyboard', locale?.keyboard === undefined ? [] : [locale.keyboard]),
    ...group.map(({ name }) => `group ${name}`),
    ...user.map(
      ({ name, groups = [], locked }) =>
        `user ${name}${groups.length === 0 ? '' : ` in ${groups.join(', ')}`}${locked === true ? ', no password' : ''}`,
    ),
    ...sshkey.map((each) => `ssh key for ${each.user}`),
    ...list('services on', services?.enabled),
    ...list('services off', services?.disabled),
    ...(firewall === undefined ? [] : [`firewall: ${firewall.enabled === false ? 'off' : 'on'}`]),
    ...list('kernel arguments', kernel?.append === undefined ? [] : [kernel.append]),
    ...files.map(({ path }) => `file ${path}`),
  ];
}
