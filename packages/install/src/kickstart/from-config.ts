import { keysOf } from '../config/schema/accounts.ts';
import type {
  Customizations,
  FileConfig,
  ImageConfig,
  PartitionConfig,
  SizingConfig,
  UserConfig,
} from '../config/types.ts';
import { quoteWord } from './words.ts';

const MIB = 1024 ** 2;

/** A kickstart file that says what a configuration says, and the fields it has no words for. */
export interface WrittenKickstart {
  readonly text: string;
  /** Fields left out, by name. */
  readonly leftOut: readonly string[];
}

/** Writes a configuration as a kickstart file for an unattended installation of one disk. */
export function kickstartOf({ customizations = {} }: ImageConfig): WrittenKickstart {
  const leftOut: string[] = [];
  const lines = [
    'text --non-interactive',
    ...languageLines(customizations),
    ...networkLines(customizations),
    ...accountLines(customizations, leftOut),
    ...serviceLines(customizations),
    ...storageLines(customizations, leftOut),
    'reboot',
    ...scriptLines(customizations),
  ];
  for (const key of ['installer', 'ignition'] as const) {
    if ((customizations as Readonly<Record<string, unknown>>)[key] !== undefined)
      leftOut.push(`customizations.${key}`);
  }
  return { text: lines.map((line) => `${line}\n`).join(''), leftOut };
}

function option(name: string, value: string | number | undefined): string {
  return value === undefined ? '' : ` --${name}=${quoteWord(String(value))}`;
}

function listOption(name: string, values: readonly string[] | undefined): string {
  return values === undefined || values.length === 0 ? '' : option(name, values.join(','));
}

function languageLines({ locale, timezone }: Customizations): readonly string[] {
  const [first, ...others] = locale?.languages ?? [];
  const { keyboard } = locale ?? {};
  return [
    ...(first === undefined ? [] : [`lang ${quoteWord(first)}${listOption('addsupport', others)}`]),
    ...(keyboard === undefined ? [] : [`keyboard --xlayouts=${quoteWord(keyboard)}`]),
    ...(timezone?.timezone === undefined ? [] : [`timezone ${quoteWord(timezone.timezone)} --utc`]),
    ...(timezone?.ntpservers ?? []).map((server) => `timesource --ntp-server=${quoteWord(server)}`),
  ];
}

function networkLines({ hostname }: Customizations): readonly string[] {
  return [`network --bootproto=dhcp --device=link --activate${option('hostname', hostname)}`];
}

function accountLines(
  { user = [], group = [], sshkey = [] }: Customizations,
  leftOut: string[],
): readonly string[] {
  const hasRoot = user.some(
    ({ name, password, locked }) => name === 'root' && (password !== undefined || locked === true),
  );
  return [
    ...(hasRoot ? [] : ['rootpw --lock']),
    ...group.map(({ name, gid }) => `group --name=${name}${option('gid', gid)}`),
    ...user.flatMap((each, index) => userLines(each, `customizations.user[${index}]`, leftOut)),
    ...sshkey.flatMap(({ user: name, key }) => keysOf(key).map((each) => keyLine(name, each))),
  ];
}

function userLines(user: UserConfig, path: string, leftOut: string[]): readonly string[] {
  const { name, password, locked } = user;
  const isHash = /^(?:\$[0-9a-z-]+\$|[*!])/.test(password ?? '');
  const way = isHash ? ' --iscrypted' : ' --plaintext';
  for (const field of ['expiredate', 'force_password_reset'] as const) {
    if (user[field] !== undefined) leftOut.push(`${path}.${field}`);
  }
  const keys = [...keysOf(user.key ?? ''), ...(user.keys ?? [])].map((key) => keyLine(name, key));
  if (name === 'root') {
    if (locked === true) return ['rootpw --lock', ...keys];
    return [...(password === undefined ? [] : [`rootpw${way} ${quoteWord(password)}`]), ...keys];
  }
  const line = [
    `user --name=${name}`,
    password === undefined ? '' : `${option('password', password)}${way}`,
    locked === true ? ' --lock' : '',
    listOption('groups', user.groups),
    option('uid', user.uid),
    option('gid', user.gid),
    option('homedir', user.home),
    option('shell', user.shell),
    option('gecos', user.description),
  ].join('');
  return [line, ...keys];
}

function keyLine(name: string, key: string): string {
  return `sshkey --username=${name} ${quoteWord(key)}`;
}

function serviceLines({ services, firewall, kernel, disk }: Customizations): readonly string[] {
  const lists = `${listOption('enabled', services?.enabled)}${listOption('disabled', services?.disabled)}`;
  const loader = `${option('append', kernel?.append)}${option('boot-drive', disk?.boot_drive)}`;
  return [
    ...(lists === '' ? [] : [`services${lists}`]),
    ...(firewall === undefined ? [] : [`firewall${firewallOptions(firewall)}`]),
    ...(loader === '' ? [] : [`bootloader${loader}`]),
  ];
}

function firewallOptions({
  enabled,
  ports,
  services,
  trusted_interfaces,
}: NonNullable<Customizations['firewall']>): string {
  if (enabled === false) return ' --disabled';
  return [
    ' --enabled',
    listOption('service', services?.enabled),
    listOption('remove-service', services?.disabled),
    listOption('port', ports),
    listOption('trust', trusted_interfaces),
  ].join('');
}

function storageLines({ disk, filesystem = [], swap }: Customizations, leftOut: string[]): readonly string[] {
  const drives = disk?.drives ?? [];
  const lines = [
    ...(drives.length === 0 ? [] : [`ignoredisk --only-use=${drives.map(quoteWord).join(',')}`]),
    'zerombr',
    'clearpart --all --initlabel --disklabel=gpt',
  ];
  const partitions: readonly PartitionConfig[] = [
    ...(disk?.partitions ?? []),
    ...filesystem.map(
      ({ mountpoint, minsize, size }): PartitionConfig => ({ mountpoint, minsize: minsize ?? size }),
    ),
    ...(swap === undefined ? [] : [{ fs_type: 'swap' as const, size: swap.size }]),
  ];
  if (partitions.length === 0) return [...lines, 'autopart --type=plain'];
  lines.push('reqpart');
  const hasRoot = partitions.some(({ mountpoint, logical_volumes, subvolumes }) =>
    [
      mountpoint,
      ...(logical_volumes ?? []).map((each) => each.mountpoint),
      ...(subvolumes ?? []).map((each) => each.mountpoint),
    ].includes('/'),
  );
  for (const [index, partition] of partitions.entries())
    lines.push(...partitionLines(partition, index, leftOut));
  const raidRoot = (disk?.raid ?? []).some(({ mountpoint }) => mountpoint === '/');
  if (!hasRoot && !raidRoot) lines.push('part / --fstype=ext4 --size=1024 --grow');
  for (const { name, level, members, mountpoint, fs_type, label } of disk?.raid ?? []) {
    lines.push(
      `raid ${mountpoint ?? 'swap'} --device=${quoteWord(name)} --level=${level}${option('fstype', fs_type)}${option('label', label)} ${members.map(quoteWord).join(' ')}`,
    );
  }
  return lines;
}

function partitionLines(partition: PartitionConfig, index: number, leftOut: string[]): readonly string[] {
  const { type = 'plain', mountpoint, fs_type, label, mount_options, device, encryption, name } = partition;
  for (const field of ['part_type', 'part_uuid', 'part_label'] as const) {
    if (partition[field] !== undefined) leftOut.push(`customizations.disk.partitions[${index}].${field}`);
  }
  const place = {
    plain: mountpoint ?? (fs_type === 'swap' ? 'swap' : undefined),
    lvm: `pv.${index}`,
    btrfs: `btrfs.${index}`,
    raid: name,
  }[type];
  if (place === undefined) {
    leftOut.push(`customizations.disk.partitions[${index}]`);
    return [];
  }
  const part = [
    `part ${quoteWord(place)}`,
    type === 'plain' && place !== 'swap' ? option('fstype', fs_type ?? 'ext4') : '',
    sizeOptions(partition, mountpoint === '/', `customizations.disk.partitions[${index}]`, leftOut),
    type === 'plain' ? option('label', label) + option('fsoptions', mount_options) : '',
    option('ondisk', device),
    encryption === undefined ? '' : ` --encrypted${option('passphrase', encryption.passphrase)}`,
  ].join('');
  if (type === 'lvm') {
    const group = name ?? 'system';
    const volumes = (partition.logical_volumes ?? []).map((volume, at) => {
      const to = volume.mountpoint ?? (volume.fs_type === 'swap' ? 'swap' : 'none');
      const size =
        volume.percent === undefined
          ? sizeOptions(volume, true, '', leftOut)
          : option('percent', Math.round(volume.percent));
      return `logvol ${quoteWord(to)} --vgname=${quoteWord(group)} --name=${quoteWord(volume.name ?? `volume${at}`)}${option('fstype', to === 'swap' ? undefined : volume.fs_type)}${size}${option('label', volume.label)}`;
    });
    return [part, `volgroup ${quoteWord(group)} pv.${index}`, ...volumes];
  }
  if (type !== 'btrfs') return [part];
  const volume = label ?? `tree${index}`;
  return [
    part,
    `btrfs ${quoteWord(mountpoint ?? 'none')} --label=${quoteWord(volume)} btrfs.${index}`,
    ...(partition.subvolumes ?? []).map(
      (each) =>
        `btrfs ${quoteWord(each.mountpoint ?? 'none')} --subvol --name=${quoteWord(each.name)} ${quoteWord(volume)}`,
    ),
  ];
}

function sizeOptions(
  { size, min, minsize, max, percent, grow }: SizingConfig,
  isRoot: boolean,
  path: string,
  leftOut: string[],
): string {
  if (percent !== undefined && path !== '') leftOut.push(`${path}.percent`);
  const bytes = size ?? min ?? minsize ?? MIB * 1024;
  const grows = grow === true || (isRoot && size === undefined);
  return `${option('size', Math.ceil(bytes / MIB))}${grows ? ' --grow' : ''}${option('maxsize', max === undefined || !grows ? undefined : Math.floor(max / MIB))}`;
}

/** What has no command of its own is done by a script in the new system. */
function scriptLines({ files = [], directories = [], sshd, services }: Customizations): readonly string[] {
  const commands = [
    ...directories.map(
      ({ path, mode, user, group }) =>
        `install -d -m ${mode ?? '0755'}${owner(user, group)} ${shellWord(path)}`,
    ),
    ...files.flatMap(fileCommands),
    ...(services?.masked ?? []).map((unit) => `systemctl mask ${shellWord(unit)}`),
    ...(sshd === undefined
      ? []
      : [
          `printf '%s\\n' ${sshdWords(sshd).map(shellWord).join(' ')} > /etc/ssh/sshd_config.d/10-slipway.conf`,
        ]),
  ];
  return commands.length === 0 ? [] : ['', '%post --erroronfail', 'set -e', ...commands, '%end'];
}

function fileCommands(file: FileConfig): readonly string[] {
  if (file.uri !== undefined) return [];
  const bytes = file.data_base64 ?? Buffer.from(file.data ?? '').toString('base64');
  return [
    `install -m ${file.mode ?? '0644'}${owner(file.user, file.group)} /dev/null ${shellWord(file.path)}`,
    `printf %s ${shellWord(bytes)} | base64 -d > ${shellWord(file.path)}`,
  ];
}

function owner(user: string | number | undefined, group: string | number | undefined): string {
  return `${user === undefined ? '' : ` -o ${user}`}${group === undefined ? '' : ` -g ${group}`}`;
}

function sshdWords(sshd: NonNullable<Customizations['sshd']>): readonly string[] {
  const word = (value: boolean | string | number): string =>
    typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
  const known = [
    ['PasswordAuthentication', sshd.password_authentication],
    ['ClientAliveInterval', sshd.client_alive_interval],
    ['PermitRootLogin', sshd.permit_root_login],
    ['KbdInteractiveAuthentication', sshd.kbd_interactive_authentication],
  ] as const;
  return known.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${word(value)}`]));
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
