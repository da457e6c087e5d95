import { type CommandDefinition, command } from './definition.ts';

/** Options of whatever can be encrypted. */
const LUKS =
  'encrypted passphrase:text escrowcert:text backuppassphrase cipher:text luks-version:=luks1/luks2 pbkdf:text pbkdf-memory:int pbkdf-time:int pbkdf-iterations:int hw-passphrase:text';
const LUKS_EXCLUSIVE = 'pbkdf-time pbkdf-iterations';
const FILE_SYSTEM =
  'fstype:text label:text fsoptions:text mkfsoptions:text fsprofile:text noformat useexisting resize';
const TLS_FILES = 'sslcacert:text sslclientcert:text sslclientkey:text';
const REBOOT = 'eject kexec';
const ANY = Number.POSITIVE_INFINITY;
const KNOWN = { status: 'known' } as const;
const REMOVED = { status: 'removed', words: [0, ANY] } as const;

/** Commands that are carried out. */
const EXECUTABLE: readonly CommandDefinition[] = [
  command('lang', 'addsupport:list', { words: [1, 1] }),
  command('keyboard', 'vckeymap:text xlayouts:list switch:list', {
    words: [0, 1],
    oneOf: ['vckeymap xlayouts *'],
  }),
  command('timezone', 'utc|isUtc nontp- ntpservers:list-', { words: [0, 1], oneOf: ['utc *'] }),
  command('timesource', 'ntp-server:text ntp-pool:text ntp-disable nts', {
    repeatable: true,
    exclusive: ['ntp-server ntp-pool ntp-disable', 'ntp-disable nts'],
    oneOf: ['ntp-server ntp-pool ntp-disable'],
  }),
  command(
    'network',
    'device:text bootproto:=dhcp/bootp/static/query/ibft ip:text netmask:text gateway:text nameserver:list ipv6:text ipv6gateway:text noipv4 noipv6 nodns mtu:int hostname:text onboot:bool activate no-activate nodefroute vlanid:text interfacename:text bondslaves:list bondopts:text teamslaves:text teamconfig:text bridgeslaves:list bridgeopts:text bindto:=mac ipv4-dns-search:list ipv6-dns-search:list ipv4-ignore-auto-dns ipv6-ignore-auto-dns essid:text wpakey:text wepkey:text- dhcpclass:text ethtool:text notksdevice',
    {
      repeatable: true,
      exclusive: ['activate no-activate', 'bondslaves teamslaves bridgeslaves'],
      needs: [
        'bondopts bondslaves',
        'teamconfig teamslaves',
        'bridgeopts bridgeslaves',
        'interfacename vlanid',
        'wpakey essid',
      ],
    },
  ),
  // Not of anybody's handler, but written in files all the same; network --hostname is the usual spelling.
  command('hostname', '', { words: [1, 1] }),
  command('rootpw', 'lock iscrypted plaintext allow-ssh', { words: [0, 1], oneOf: ['lock *'] }),
  command(
    'user',
    'name:text! password:text plaintext iscrypted|isencrypted groups:list uid:int gid:int homedir:text shell:text gecos:text lock',
    { repeatable: true },
  ),
  command('group', 'name:text! gid:int', { repeatable: true }),
  command('sshkey', 'username:text!', { words: [1, 1], repeatable: true }),
  command('services', 'enabled:list disabled:list', { oneOf: ['enabled disabled'] }),
  command(
    'firewall',
    'enabled disabled service:list port:list trust:list ssh http smtp ftp telnet- high- medium- remove-service:list use-system-defaults',
    { exclusive: ['enabled disabled'] },
  ),
  command('selinux', 'enforcing permissive disabled'),
  command(
    'bootloader',
    'append:text location:=mbr/partition/none/boot boot-drive:text driveorder:list timeout:int password:text iscrypted md5pass:text- leavebootorder disabled nombr extlinux sdboot default:text linear- nolinear- lba32- upgrade- useLilo-',
    { exclusive: ['extlinux sdboot'], needs: ['iscrypted password'] },
  ),
  command('zerombr', ''),
  command('clearpart', 'all linux none list:list drives:list initlabel disklabel:text cdl'),
  command('ignoredisk', 'drives:list only-use:list', {
    exclusive: ['drives only-use'],
    oneOf: ['drives only-use'],
  }),
  command(
    'autopart',
    `type:=lvm/btrfs/plain/partition/thinp fstype:text nohome noboot noswap hibernation nolvm ${LUKS}`,
    { exclusive: ['noswap hibernation', LUKS_EXCLUSIVE, 'type nolvm'] },
  ),
  ...['part', 'partition'].map((name) =>
    command(
      name,
      `size:int grow maxsize:int fstype|type:text ondisk|ondrive:text onpart|usepart:text asprimary active label:text fsoptions:text mkfsoptions:text fsprofile:text recommended hibernation noformat resize start:int- end:int- bytes-per-inode:int- ${LUKS}`,
      {
        words: [1, 1],
        repeatable: true,
        exclusive: [LUKS_EXCLUSIVE, 'recommended hibernation'],
        needs: ['resize onpart', 'resize size'],
      },
    ),
  ),
  command('volgroup', 'pesize:int reserved-space:int reserved-percent:int useexisting noformat', {
    words: [1, ANY],
    repeatable: true,
    exclusive: ['reserved-space reserved-percent'],
  }),
  command(
    'logvol',
    `vgname:text! name:text! size:int percent:int grow maxsize:int recommended hibernation ${FILE_SYSTEM} thinpool thin poolname:text metadatasize:int chunksize:int profile:text cachepvs:list cachesize:int cachemode:=writeback/writethrough ${LUKS}`,
    {
      words: [1, 1],
      repeatable: true,
      exclusive: ['thinpool thin', 'size percent', 'recommended hibernation', LUKS_EXCLUSIVE],
      oneOf: ['size percent recommended hibernation useexisting noformat'],
      needs: [
        'thin poolname',
        'resize size',
        'cachepvs cachesize',
        'cachesize cachepvs',
        'cachemode cachepvs',
      ],
    },
  ),
  command('raid', `device:text! level:text spares:int chunksize:int ${FILE_SYSTEM} ${LUKS}`, {
    words: [1, ANY],
    repeatable: true,
    exclusive: [LUKS_EXCLUSIVE],
    oneOf: ['level useexisting noformat'],
  }),
  command(
    'btrfs',
    'data:text metadata:text label:text subvol name:text noformat useexisting mkfsoptions:text',
    {
      words: [1, ANY],
      repeatable: true,
      needs: ['subvol name', 'name subvol'],
    },
  ),
  command('reqpart', 'add-boot'),
  command('mount', 'reformat:maybe mkfsoptions:text mountoptions:text', {
    words: [2, 2],
    repeatable: true,
    needs: ['mkfsoptions reformat'],
  }),
  command('ostreecontainer', 'url:text! stateroot:text transport:text remote:text no-signature-verification'),
  command(
    'bootc',
    'source-imgref:text! target-imgref:text stateroot:text bootloader:=none/grub/systemd composefs',
  ),
  command('reboot', REBOOT),
  command('poweroff', REBOOT),
  command('shutdown', REBOOT),
  command('halt', REBOOT),
  command('text', 'non-interactive'),
  command('cmdline', ''),
];

/** Commands that are understood; an installation of an image has no use for them. */
const OTHERS: readonly CommandDefinition[] = [
  command('graphical', 'non-interactive', KNOWN),
  command('authselect', '', { ...KNOWN, words: [0, ANY] }),
  command('cdrom', '', KNOWN),
  command('driverdisk', 'source:text biospart:text', {
    ...KNOWN,
    words: [0, 1],
    repeatable: true,
    oneOf: ['source biospart *'],
  }),
  command('eula', 'agreed', { ...KNOWN, oneOf: ['agreed'] }),
  command('fcoe', 'nic:text! dcb:bool autovlan', { ...KNOWN, repeatable: true }),
  command('firstboot', 'enable|enabled disable|disabled reconfig', {
    ...KNOWN,
    exclusive: ['enable disable'],
  }),
  command('harddrive', 'partition:text! dir:text! biospart:text-', KNOWN),
  command('hmc', '', KNOWN),
  command(
    'iscsi',
    'ipaddr:text! target:text port:text iface:text user:text password:text reverse-user:text reverse-password:text',
    { ...KNOWN, repeatable: true, needs: ['password user', 'reverse-password reverse-user'] },
  ),
  command('iscsiname', '', { ...KNOWN, words: [1, 1] }),
  command('liveimg', 'url:text! proxy:text noverifyssl checksum:text', KNOWN),
  command('logging', 'host:text port:text level:text-', { ...KNOWN, needs: ['port host'] }),
  command('mediacheck', '', KNOWN),
  command('nfs', 'server:text! dir:text! opts:text', KNOWN),
  command('ostreesetup', 'osname:text! remote:text url:text! ref:text! nogpg', KNOWN),
  command('rdp', 'username:text password:text', KNOWN),
  command(
    'realm',
    'client-software:text server-software:text membership-software:text one-time-password:text no-password computer-ou:text',
    { ...KNOWN, words: [2, 2], exclusive: ['one-time-password no-password'] },
  ),
  command(
    'repo',
    `name:text! baseurl:text mirrorlist:text metalink:text cost:int excludepkgs:list includepkgs:list ignoregroups:bool- proxy:text noverifyssl install ${TLS_FILES}`,
    { ...KNOWN, repeatable: true, exclusive: ['baseurl mirrorlist metalink'] },
  ),
  command('rescue', 'nomount romount', { ...KNOWN, exclusive: ['nomount romount'] }),
  command('skipx', '', KNOWN),
  command('snapshot', 'name:text! when:=pre-install/post-install!', {
    ...KNOWN,
    words: [1, 1],
    repeatable: true,
  }),
  command('sshpw', 'username:text! iscrypted plaintext lock sshkey', {
    ...KNOWN,
    words: [0, 1],
    repeatable: true,
  }),
  command('stratisfs', 'pool:text! name:text! size:int', { ...KNOWN, words: [1, 1], repeatable: true }),
  command('stratispool', 'encrypted passphrase:text', { ...KNOWN, words: [2, ANY], repeatable: true }),
  command('updates', '', { ...KNOWN, words: [0, 1] }),
  command('url', `url:text mirrorlist:text metalink:text proxy:text noverifyssl ${TLS_FILES}`, {
    ...KNOWN,
    exclusive: ['url mirrorlist metalink'],
    oneOf: ['url mirrorlist metalink'],
  }),
  command('vnc', 'host:text port:text password:text', {
    ...KNOWN,
    status: 'deprecated',
    needs: ['port host'],
  }),
  command(
    'xconfig',
    'startxonboot defaultdesktop:text driver:text- videoram:text- resolution:text- depth:int-',
    KNOWN,
  ),
  command('zfcp', 'devnum:text! wwpn:text fcplun:text', {
    ...KNOWN,
    repeatable: true,
    needs: ['wwpn fcplun', 'fcplun wwpn'],
  }),
  command('zipl', 'secure-boot force-secure-boot no-secure-boot', {
    ...KNOWN,
    exclusive: ['secure-boot force-secure-boot no-secure-boot'],
  }),
  ...[
    'auth',
    'authconfig',
    'autostep',
    'device',
    'deviceprobe',
    'dmraid',
    'install',
    'interactive',
    'method',
    'module',
    'multipath',
    'nvdimm',
    'upgrade',
  ].map((name) => command(name, '', REMOVED)),
];

/** Every command word of kickstart files, by name. */
export const COMMANDS: ReadonlyMap<string, CommandDefinition> = new Map(
  [...EXECUTABLE, ...OTHERS].map((each) => [each.name, each]),
);

const SCRIPT = 'interpreter:text erroronfail log|logfile:text';

/** Every section, by name with its percent sign. */
export const SECTIONS: ReadonlyMap<string, CommandDefinition> = new Map(
  [
    command('%pre', SCRIPT),
    command('%pre-install', SCRIPT),
    command('%post', `${SCRIPT} nochroot`),
    command('%onerror', SCRIPT),
    command('%traceback', SCRIPT, KNOWN),
    command(
      '%packages',
      'default- excludedocs ignoremissing ignorebroken nobase- nocore inst-langs|instLangs:maybe multilib timeout:int retries:int exclude-weakdeps excludeWeakdeps',
      KNOWN,
    ),
    command('%certificate', 'filename:text! dir:text type:=anchor', {
      ...KNOWN,
      exclusive: ['dir type'],
      oneOf: ['dir type'],
    }),
    command('%addon', '', { ...KNOWN, words: [0, ANY] }),
    command('%anaconda', '', { ...KNOWN, words: [0, ANY] }),
  ].map((each) => [each.name, each]),
);

/** Commands of which only one of each pair may stand in a file, whatever their order. */
export const CONFLICTS: readonly (readonly [string, readonly string[]])[] = [
  ['autopart', ['part', 'partition', 'raid', 'volgroup', 'logvol', 'reqpart', 'mount', 'btrfs']],
  ['mount', ['part', 'partition', 'raid', 'volgroup', 'logvol', 'reqpart', 'btrfs']],
  ['ostreesetup', ['ostreecontainer', 'bootc']],
  ['ostreecontainer', ['bootc']],
  ['cmdline', ['text', 'graphical']],
  ['text', ['graphical']],
];
