import type { EncryptionConfig, FileSystemConfig, FsType, SizingConfig } from '../config/types.ts';
import type { ConfigDraft } from './draft-config.ts';
import type { KickstartCommand } from './parser.ts';
import { isOn, numberOf, textOf } from './setting.ts';

const MIB = 1024 ** 2;
/** What Anaconda would compute from the memory of a machine nobody has seen yet. */
export const RECOMMENDED_SWAP_BYTES: number = 2 * 1024 * MIB;
const FILE_SYSTEMS: readonly string[] = ['ext4', 'xfs', 'btrfs', 'vfat', 'swap'];
const FILE_SYSTEM_NAMES: Readonly<Record<string, string | undefined>> = {
  efi: 'vfat',
  ext2: 'ext4',
  ext3: 'ext4',
  fat: 'vfat',
};

/** File system, label, options and place of a partition or volume. */
export function fileSystemOf(command: KickstartCommand, place: string, draft: ConfigDraft): FileSystemConfig {
  if (place === '/boot/efi') return bootPartition(command, draft);
  const label = textOf(command, 'label');
  const options = textOf(command, 'fsoptions');
  for (const name of ['mkfsoptions', 'fsprofile', 'asprimary', 'active']) {
    if (command.options.has(name)) draft.warn(command, `${command.name}: --${name} has no effect`);
  }
  const type = place.toLowerCase() === 'swap' ? 'swap' : fsTypeOf(command, draft);
  return {
    ...(place.startsWith('/') ? { mountpoint: place } : {}),
    ...(type === undefined ? {} : { fs_type: type }),
    ...(label === undefined ? {} : { label }),
    ...(options === undefined || !place.startsWith('/') || options === 'defaults'
      ? {}
      : { mount_options: options }),
  };
}

/** Mounted by the system itself where it is needed; only its size can be chosen. */
function bootPartition(command: KickstartCommand, draft: ConfigDraft): FileSystemConfig {
  const given = ['label', 'fsoptions', 'mkfsoptions', 'fsprofile'].filter((name) =>
    command.options.has(name),
  );
  if (given.length > 0) {
    draft.warn(
      command,
      `${command.name}: ${given.map((name) => `--${name}`).join(', ')} has no effect on /boot/efi`,
    );
  }
  const type = fsTypeOf(command, draft);
  return { mountpoint: '/boot/efi', ...(type === undefined ? {} : { fs_type: type }) };
}

/** The file system a line names, by the name it has here. */
export function fsTypeOf(command: KickstartCommand, draft: ConfigDraft): FsType | undefined {
  const typed = textOf(command, 'fstype');
  if (typed === undefined) return undefined;
  const type = FILE_SYSTEM_NAMES[typed] ?? typed;
  if (type !== typed && typed.startsWith('ext'))
    draft.warn(command, `${command.name}: ${typed} becomes ext4`);
  if (!FILE_SYSTEMS.includes(type)) {
    draft.error(
      command,
      `${command.name}: the file system '${typed}' is not supported; there are ${FILE_SYSTEMS.join(', ')}`,
    );
    return undefined;
  }
  return type as FsType;
}

/** Sizes are whole MiB; without --grow a size is exact. */
export function sizingOf(command: KickstartCommand, draft: ConfigDraft): SizingConfig {
  const size = numberOf(command, 'size');
  const most = numberOf(command, 'maxsize');
  const percent = numberOf(command, 'percent');
  const isGrowing = isOn(command, 'grow');
  for (const [name, count] of [
    ['size', size],
    ['maxsize', most],
  ] as const) {
    if (count !== undefined && (count < 0 || count > 2 ** 33))
      draft.error(command, `${command.name}: --${name}=${count} is no size in MiB`);
  }
  if (most !== undefined && !isGrowing) draft.error(command, `${command.name}: --maxsize needs --grow`);
  if (percent !== undefined) {
    if (percent < 1 || percent > 100)
      draft.error(command, `${command.name}: --percent must be from 1 to 100`);
    return { percent };
  }
  if (isOn(command, 'recommended') || isOn(command, 'hibernation')) {
    if (isOn(command, 'hibernation'))
      draft.error(command, `${command.name}: --hibernation is not supported, say a size`);
    else
      draft.warn(
        command,
        `${command.name}: --recommended is taken as 2 GiB, the memory of the machine is not known`,
      );
    return { size: RECOMMENDED_SWAP_BYTES };
  }
  const [place = ''] = command.words;
  if (place === '/' || place === '/boot/efi') return size === undefined ? {} : { min: size * MIB };
  if (size === undefined && !isGrowing) {
    draft.error(command, `${command.name}: --size is missing`);
    return {};
  }
  if (!isGrowing) return { size: (size ?? 0) * MIB };
  return { min: (size ?? 1) * MIB, grow: true, ...(most === undefined ? {} : { max: most * MIB }) };
}

/** What opens an encrypted partition. */
export function encryptionOf(command: KickstartCommand): EncryptionConfig | undefined {
  if (!isOn(command, 'encrypted')) return undefined;
  const passphrase = textOf(command, 'passphrase');
  return passphrase === undefined ? {} : { passphrase };
}
