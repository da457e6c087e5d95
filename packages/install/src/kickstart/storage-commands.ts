import type { LogicalVolumeConfig, PartitionConfig } from '../config/types.ts';
import type { ConfigDraft } from './draft-config.ts';
import type { KickstartCommand } from './parser.ts';
import {
  encryptionOf,
  fileSystemOf,
  fsTypeOf,
  RECOMMENDED_SWAP_BYTES,
  sizingOf,
} from './partition-options.ts';
import { isOn, numberOf, textOf } from './setting.ts';

/** Made by whoever writes the disk, whether a file says so or not. */
const PLATFORM: readonly string[] = ['biosboot', 'prepboot', 'appleboot'];

/** Turns `part`, `volgroup`, `logvol`, `raid`, `btrfs` and `autopart` into partitions of a configuration. */
export function planStorage(commands: readonly KickstartCommand[], draft: ConfigDraft): void {
  const named = (...names: readonly string[]): readonly KickstartCommand[] =>
    commands.filter(({ name }) => names.includes(name));
  const parts = named('part', 'partition');
  const groups = named('volgroup');
  const volumes = named('logvol');
  const raids = named('raid');
  const trees = named('btrfs');
  for (const part of parts) addPart(part, { groups, volumes, trees, parts }, draft);
  for (const group of groups) checkGroup(group, parts, raids, draft);
  for (const volume of volumes) checkVolume(volume, groups, draft);
  for (const raid of raids) addRaid(raid, parts, draft);
  for (const tree of trees) checkTree(tree, parts, trees, draft);
  const autopart = named('autopart').at(-1);
  if (autopart !== undefined) addAutomatic(autopart, draft);
}

interface StorageCommands {
  readonly groups: readonly KickstartCommand[];
  readonly volumes: readonly KickstartCommand[];
  readonly trees: readonly KickstartCommand[];
  readonly parts: readonly KickstartCommand[];
}

function addPart(part: KickstartCommand, all: StorageCommands, draft: ConfigDraft): void {
  const [place = ''] = part.words;
  const existing = ['onpart', 'noformat', 'resize'].filter((name) => part.options.has(name));
  if (existing.length > 0) {
    draft.error(
      part,
      `${part.name}: ${existing.map((name) => `--${name}`).join(', ')} is not supported, partitions are made anew`,
    );
    return;
  }
  if (PLATFORM.includes(place)) return;
  if (!/^(?:\/|swap$|(?:pv|raid|btrfs)\.|none$)/i.test(place)) {
    draft.error(
      part,
      `${part.name}: '${place}' is no place for a partition: a path, swap, pv.NAME, raid.NAME, btrfs.NAME or biosboot`,
    );
    return;
  }
  if (place === '/boot') {
    draft.warn(
      part,
      `${part.name}: /boot is no partition here, kernels are on /boot/efi; the line has no effect`,
    );
    return;
  }
  const partition = partitionOf(part, place, all, draft);
  draft.add(part, ['disk', 'partitions'], {
    ...sizingOf(part, draft),
    ...partition,
    encryption: encryptionOf(part),
    device: deviceOf(part),
  });
  // What is inside it came from lines of its own.
  const index = draft.lengthOf('disk', 'partitions') - 1;
  const own = all.volumes.filter((each) => textOf(each, 'vgname') === partition.name);
  for (const at of (partition.logical_volumes ?? []).keys()) {
    const volume = own[at];
    if (volume !== undefined) draft.came(volume, ['disk', 'partitions', index, 'logical_volumes', at]);
  }
}

function partitionOf(
  part: KickstartCommand,
  place: string,
  all: StorageCommands,
  draft: ConfigDraft,
): PartitionConfig {
  if (place.startsWith('raid.')) return { type: 'raid', name: place };
  if (place.startsWith('pv.')) {
    const group = all.groups.find(({ words }) => words.slice(1).includes(place));
    if (group === undefined) draft.error(part, `${part.name}: no volgroup uses ${place}`);
    const name = group?.words[0] ?? place;
    // The volumes are listed with the first partition of their group.
    const isFirst = group?.words[1] === place;
    const volumes = all.volumes
      .filter((each) => textOf(each, 'vgname') === name)
      .map((each) => volumeOf(each, draft));
    return { type: 'lvm', name, ...(isFirst && volumes.length > 0 ? { logical_volumes: volumes } : {}) };
  }
  if (place.startsWith('btrfs.')) {
    const tree = all.trees.find((each) => !isOn(each, 'subvol') && each.words.slice(1).includes(place));
    if (tree === undefined) {
      draft.error(part, `${part.name}: no btrfs uses ${place}`);
      return { type: 'btrfs' };
    }
    const [mountpoint] = tree.words;
    const label = textOf(tree, 'label');
    const subvolumes = all.trees
      .filter((each) => isOn(each, 'subvol') && belongsTo(each, tree))
      .map(subvolumeOf);
    return {
      type: 'btrfs',
      ...(mountpoint?.startsWith('/') === true ? { mountpoint } : {}),
      ...(label === undefined ? {} : { label }),
      ...(subvolumes.length === 0 ? {} : { subvolumes }),
    };
  }
  return fileSystemOf(part, place, draft);
}

function deviceOf(command: KickstartCommand): string | undefined {
  return textOf(command, 'ondisk');
}

function volumeOf(volume: KickstartCommand, draft: ConfigDraft): LogicalVolumeConfig {
  const [place = ''] = volume.words;
  return { name: textOf(volume, 'name'), ...sizingOf(volume, draft), ...fileSystemOf(volume, place, draft) };
}

function checkGroup(
  group: KickstartCommand,
  parts: readonly KickstartCommand[],
  raids: readonly KickstartCommand[],
  draft: ConfigDraft,
): void {
  const [name = '', ...members] = group.words;
  const isExisting = group.options.has('useexisting') || group.options.has('noformat');
  if (isExisting)
    draft.error(
      group,
      'volgroup: --useexisting and --noformat are not supported, volume groups are made anew',
    );
  else if (members.length === 0) draft.error(group, `volgroup: '${name}' has no partitions`);
  const percent = numberOf(group, 'reserved-percent');
  if (percent !== undefined && (percent < 1 || percent > 99))
    draft.error(group, 'volgroup: --reserved-percent must be from 1 to 99');
  for (const member of members) {
    if (raids.some(({ words }) => words[0] === member))
      draft.error(group, `volgroup: ${member} is a RAID, which is not supported below LVM`);
    else if (!parts.some(({ words }) => words[0] === member))
      draft.error(group, `volgroup: there is no partition ${member}`);
  }
}

function checkVolume(
  volume: KickstartCommand,
  groups: readonly KickstartCommand[],
  draft: ConfigDraft,
): void {
  const group = textOf(volume, 'vgname') ?? '';
  if (!groups.some(({ words }) => words[0] === group))
    draft.error(volume, `logvol: there is no volgroup ${group}`);
  const unsupported = [
    'thinpool',
    'thin',
    'cachepvs',
    'useexisting',
    'noformat',
    'resize',
    'encrypted',
  ].filter((name) => volume.options.has(name));
  if (unsupported.length > 0)
    draft.error(volume, `logvol: ${unsupported.map((name) => `--${name}`).join(', ')} is not supported`);
}

function addRaid(raid: KickstartCommand, parts: readonly KickstartCommand[], draft: ConfigDraft): void {
  const [place = '', ...members] = raid.words;
  const level = (textOf(raid, 'level') ?? '').replace(/^raid-?/i, '');
  if (!['0', '1', '4', '5', '6', '10'].includes(level))
    draft.error(raid, `raid: --level must be one of 0, 1, 4, 5, 6, 10, not '${textOf(raid, 'level') ?? ''}'`);
  if (members.length === 0) draft.error(raid, 'raid: the partitions are missing');
  for (const member of members) {
    if (!parts.some(({ words }) => words[0] === member))
      draft.error(raid, `raid: there is no partition ${member}`);
  }
  const spares = numberOf(raid, 'spares') ?? 0;
  const least = { '0': 2, '1': 2, '4': 3, '5': 3, '6': 4, '10': 2 }[level] ?? 1;
  if (members.length > 0 && members.length - spares < least)
    draft.error(raid, `raid: level ${level} needs ${least} partitions besides ${spares} spares`);
  // Below LVM: told there.
  if (place.startsWith('pv.')) return;
  draft.add(raid, ['disk', 'raid'], {
    name: textOf(raid, 'device') ?? '',
    level,
    members,
    ...(spares === 0 ? {} : { spares }),
    ...fileSystemOf(raid, place, draft),
    encryption: encryptionOf(raid),
  });
}

function checkTree(
  tree: KickstartCommand,
  parts: readonly KickstartCommand[],
  trees: readonly KickstartCommand[],
  draft: ConfigDraft,
): void {
  const [, ...below] = tree.words;
  if (isOn(tree, 'subvol')) {
    if (below.length !== 1) draft.error(tree, 'btrfs: a subvolume needs one volume it is part of');
    else if (!trees.some((each) => !isOn(each, 'subvol') && belongsTo(tree, each)))
      draft.error(tree, `btrfs: there is no volume ${below[0]}`);
    return;
  }
  if (below.length > 1) draft.error(tree, 'btrfs: several partitions in one volume are not supported');
  if (below.length === 0) draft.error(tree, 'btrfs: the partition is missing');
  for (const member of below) {
    if (!parts.some(({ words }) => words[0] === member))
      draft.error(tree, `btrfs: there is no partition ${member}`);
  }
}

function belongsTo(subvolume: KickstartCommand, volume: KickstartCommand): boolean {
  const [, parent = ''] = subvolume.words;
  return (
    parent === `LABEL=${textOf(volume, 'label')}` ||
    parent === textOf(volume, 'label') ||
    parent === volume.words[0]
  );
}

function subvolumeOf(subvolume: KickstartCommand): { readonly name: string; readonly mountpoint?: string } {
  const [mountpoint] = subvolume.words;
  const name = textOf(subvolume, 'name') ?? '';
  return mountpoint?.startsWith('/') === true ? { name, mountpoint } : { name };
}

/** The layouts `autopart` names; what it leaves open is what every host has. */
function addAutomatic(autopart: KickstartCommand, draft: ConfigDraft): void {
  const type = isOn(autopart, 'nolvm') ? 'plain' : (textOf(autopart, 'type') ?? 'plain');
  const fileSystem = fsTypeOf(autopart, draft);
  const encryption = encryptionOf(autopart);
  if (fileSystem === 'btrfs')
    draft.error(autopart, 'autopart: --fstype=btrfs is no such choice, use --type=btrfs');
  if (type === 'btrfs' && fileSystem !== undefined)
    draft.error(autopart, 'autopart: --fstype cannot be used with --type=btrfs');
  if (isOn(autopart, 'hibernation')) draft.error(autopart, 'autopart: --hibernation is not supported');
  const shape: Readonly<Record<string, PartitionConfig | undefined>> = {
    plain: { mountpoint: '/' },
    partition: { mountpoint: '/' },
    lvm: {
      type: 'lvm',
      name: 'system',
      min: RECOMMENDED_SWAP_BYTES,
      grow: true,
      logical_volumes: [{ name: 'root', mountpoint: '/', percent: 100 }],
    },
    btrfs: {
      type: 'btrfs',
      min: RECOMMENDED_SWAP_BYTES,
      grow: true,
      subvolumes: [{ name: 'root', mountpoint: '/' }],
    },
  };
  const partition = shape[type];
  if (partition === undefined) {
    draft.error(autopart, `autopart: --type=${type} is not supported`);
    return;
  }
  const isPlain = partition.mountpoint === '/';
  // What every host gets by itself need not be asked for.
  if (isPlain && encryption === undefined && fileSystem === undefined) return;
  draft.add(autopart, ['disk', 'partitions'], {
    ...partition,
    ...(isPlain && fileSystem !== undefined ? { fs_type: fileSystem } : {}),
    encryption,
  });
}
