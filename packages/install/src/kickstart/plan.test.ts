import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configOf } from '../config/load-config.ts';
import type { Customizations } from '../config/types.ts';
import { COMMANDS, SECTIONS } from './commands.ts';
import { describeKickstart } from './describe.ts';
import { kickstartOf } from './from-config.ts';
import { parseKickstart } from './parser.ts';
import { type KickstartOptions, type KickstartPlan, planKickstart } from './plan.ts';

const FILES = join(import.meta.dirname, '../testing/kickstarts');
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me';
const MIB = 1024 ** 2;

async function plan(text: string, options: Partial<KickstartOptions> = {}): Promise<KickstartPlan> {
  const document = await parseKickstart('ks.cfg', text, async (name) => {
    throw new Error(`no such file ${name}`);
  });
  return planKickstart('ks.cfg', document, { target: 'installer', isStrict: false, ...options });
}

async function customizations(text: string): Promise<Customizations> {
  const { config, problems } = await plan(text);
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return config.config.customizations ?? {};
}

async function errors(text: string, options: Partial<KickstartOptions> = {}): Promise<readonly string[]> {
  const { problems } = await plan(text, options);
  return problems
    .filter(({ severity }) => severity === 'error')
    .map(({ line, message }) => `${line}: ${message}`);
}

describe('what a command is in a configuration', () => {
  test.each<[string, Customizations]>([
    ['lang de_DE.UTF-8 --addsupport=en_US.UTF-8', { locale: { languages: ['de_DE.UTF-8', 'en_US.UTF-8'] } }],
    ["keyboard --vckeymap=x --xlayouts='de (nodeadkeys)'", { locale: { keyboard: 'de (nodeadkeys)' } }],
    ['keyboard us', { locale: { keyboard: 'us' } }],
    ['timezone Europe/Berlin --utc', { timezone: { timezone: 'Europe/Berlin' } }],
    ['timesource --ntp-server=a\ntimesource --ntp-pool=b', { timezone: { ntpservers: ['a', 'b'] } }],
    ['timesource --ntp-disable', { services: { masked: ['systemd-timesyncd'] } }],
    ['hostname web', { hostname: 'web' }],
    ['network --hostname=web', { hostname: 'web' }],
    [
      'rootpw --plaintext secret --allow-ssh',
      { user: [{ name: 'root', password: 'secret' }], sshd: { permit_root_login: true } },
    ],
    ['rootpw --iscrypted $6$a$b', { user: [{ name: 'root', password: '$6$a$b' }] }],
    ['rootpw --lock', { user: [{ name: 'root', locked: true }] }],
    [
      'user --name=al --password=$6$a$b --groups=wheel,x(50) --uid=7 --gid=8 --homedir=/var/al --shell=/bin/sh --gecos="Al E"',
      {
        user: [
          {
            name: 'al',
            description: 'Al E',
            password: '$6$a$b',
            groups: ['wheel', 'x'],
            uid: 7,
            gid: 8,
            home: '/var/al',
            shell: '/bin/sh',
          },
        ],
      },
    ],
    ['user --name=al --lock', { user: [{ name: 'al', locked: true }] }],
    ['user --name=al --password=x --plaintext', { user: [{ name: 'al', password: 'x' }] }],
    ['group --name=g --gid=5', { group: [{ name: 'g', gid: 5 }] }],
    [`sshkey --username=al "${KEY}"`, { sshkey: [{ user: 'al', key: KEY }] }],
    ['services --enabled=a,b --disabled=b,c', { services: { enabled: ['a', 'b'], disabled: ['c'] } }],
    ['firewall --disabled', { firewall: { enabled: false } }],
    [
      'firewall --ssh --service=http --port=53:udp,80 --trust=eth1 --remove-service=cockpit',
      {
        firewall: {
          enabled: true,
          services: { enabled: ['ssh', 'http'], disabled: ['cockpit'] },
          ports: ['53:udp', '80:tcp'],
          trusted_interfaces: ['eth1'],
        },
      },
    ],
    ['firewall --enabled', { firewall: { enabled: true, services: { enabled: ['ssh'] } } }],
    ['firewall --remove-service=ssh', { firewall: { enabled: true, services: { disabled: ['ssh'] } } }],
    ['firewall --use-system-defaults', {}],
    [
      'selinux --disabled\nbootloader --append="quiet splash"',
      { kernel: { append: 'selinux=0 quiet splash' } },
    ],
    ['selinux --permissive', { kernel: { append: 'enforcing=0' } }],
    ['selinux --enforcing', {}],
    [
      'part / --size=100 --grow\npart /srv --size=50 --fstype=ext4 --label=srv --fsoptions=noatime --ondisk=vdb',
      {
        disk: {
          partitions: [
            { min: 100 * MIB, mountpoint: '/' },
            {
              size: 50 * MIB,
              mountpoint: '/srv',
              fs_type: 'ext4',
              label: 'srv',
              mount_options: 'noatime',
              device: 'vdb',
            },
          ],
        },
      },
    ],
    [
      'part swap --size=64\npart /var/log --size=10 --grow --maxsize=99',
      {
        disk: {
          partitions: [
            { size: 64 * MIB, fs_type: 'swap' },
            { min: 10 * MIB, grow: true, max: 99 * MIB, mountpoint: '/var/log' },
          ],
        },
      },
    ],
    [
      'part biosboot --size=1\npart / --encrypted --passphrase=p',
      { disk: { partitions: [{ mountpoint: '/', encryption: { passphrase: 'p' } }] } },
    ],
    [
      'part pv.1 --size=500 --grow\nvolgroup vg pv.1\nlogvol / --vgname=vg --name=root --percent=80\nlogvol swap --vgname=vg --name=s --size=64',
      {
        disk: {
          partitions: [
            {
              min: 500 * MIB,
              grow: true,
              type: 'lvm',
              name: 'vg',
              logical_volumes: [
                { name: 'root', percent: 80, mountpoint: '/' },
                { name: 's', size: 64 * MIB, fs_type: 'swap' },
              ],
            },
          ],
        },
      },
    ],
    [
      'part raid.1 --size=5\npart raid.2 --size=5\nraid / --level=RAID1 --device=r raid.1 raid.2',
      {
        disk: {
          partitions: [
            { size: 5 * MIB, type: 'raid', name: 'raid.1' },
            { size: 5 * MIB, type: 'raid', name: 'raid.2' },
          ],
          raid: [{ name: 'r', level: '1', members: ['raid.1', 'raid.2'], mountpoint: '/' }],
        },
      },
    ],
    [
      'part btrfs.1 --size=5 --grow\nbtrfs none --label=x btrfs.1\nbtrfs / --subvol --name=root LABEL=x',
      {
        disk: {
          partitions: [
            {
              min: 5 * MIB,
              grow: true,
              type: 'btrfs',
              label: 'x',
              subvolumes: [{ name: 'root', mountpoint: '/' }],
            },
          ],
        },
      },
    ],
    [
      'part /boot/efi --fstype=efi --size=600 --fsoptions="umask=0077,shortname=winnt"\npart / --size=5',
      {
        disk: {
          partitions: [
            { min: 600 * MIB, mountpoint: '/boot/efi', fs_type: 'vfat' },
            { min: 5 * MIB, mountpoint: '/' },
          ],
        },
      },
    ],
    ['autopart', {}],
    [
      'autopart --type=plain --fstype=ext4 --encrypted --passphrase=p',
      { disk: { partitions: [{ mountpoint: '/', fs_type: 'ext4', encryption: { passphrase: 'p' } }] } },
    ],
    [
      'autopart --type=btrfs',
      {
        disk: {
          partitions: [
            { type: 'btrfs', min: 2048 * MIB, grow: true, subvolumes: [{ name: 'root', mountpoint: '/' }] },
          ],
        },
      },
    ],
    ['ignoredisk --only-use=sda,sdb\nclearpart --all', { disk: { drives: ['sda', 'sdb'], wipe: true } }],
    [
      'ignoredisk --only-use=vd*\nbootloader --location=mbr --boot-drive=vdb',
      { disk: { drives: ['vd*'], boot_drive: 'vdb' } },
    ],
    [
      'ignoredisk --only-use=sda\nbootloader --boot-drive=/dev/disk/by-id/ata-1',
      { disk: { drives: ['sda'], boot_drive: '/dev/disk/by-id/ata-1' } },
    ],
    ['reqpart --add-boot\nzerombr\ntext\nreboot', {}],
  ])('%s', async (text, expected) => {
    expect(await customizations(text)).toEqual(expected);
  });

  test('network is a file for the interface', async () => {
    const { files } = await customizations(
      'network --device=eth0 --bootproto=static --ip=10.0.0.2 --netmask=255.255.254.0 --gateway=10.0.0.1 --nameserver=1.1.1.1 --noipv6 --mtu=1400 --onboot=no',
    );
    expect(files).toEqual([
      {
        path: '/etc/systemd/network/10-eth0.network',
        data: '[Match]\nName=eth0\n\n[Link]\nMTUBytes=1400\nActivationPolicy=manual\n\n[Network]\nDHCP=no\nLinkLocalAddressing=ipv4\nIPv6AcceptRA=no\nAddress=10.0.0.2/23\nGateway=10.0.0.1\nDNS=1.1.1.1\n',
      },
    ]);
  });

  test('disks, image, scripts and the end are kept beside it', async () => {
    const made = await plan(
      'ignoredisk --drives=sdz\nclearpart --linux --drives=vd*|sda --initlabel\nzerombr\nmount /dev/sda1 / --reformat=ext4\nbootc --source-imgref=registry:a/b:1 --target-imgref=a/b:2\npoweroff\n%pre-install --erroronfail\nx\n%end\n',
    );
    expect(made.disks).toEqual({
      use: [],
      ignore: ['sdz'],
      clear: 'linux',
      partitions: [],
      clearDrives: ['vd*|sda'],
      newLabel: 'gpt',
      initialisesUnreadable: true,
    });
    expect(made.image).toEqual({ source: 'registry:a/b:1', target: 'a/b:2' });
    expect(made.mounts).toEqual([
      { device: '/dev/sda1', mountpoint: '/', reformat: 'ext4', options: undefined },
    ]);
    expect(made.scripts).toMatchObject([
      { when: 'pre-install', stopsOnError: true, inNewSystem: false, body: 'x\n', line: 7 },
    ]);
    expect(made.finish).toBe('poweroff');
    expect(describeKickstart(made)).toEqual([
      'disks: every disk but sdz',
      'vd*|sda: partitions of Linux are removed',
      'vd*|sda: gets a new partition table (gpt)',
      'disks without a readable partition table get a new one',
      '/dev/sda1: mounted at /, MADE ANEW',
      '%pre-install (ks.cfg:7): runs /bin/sh in the installer; its failure stops the installation',
      'image: registry:a/b:1',
      'updates from: a/b:2',
      'end: the machine is switched off',
    ]);
  });
});

describe('what makes no sense', () => {
  test.each<[string, string]>([
    [
      'part / --size=1\npart / --size=2',
      '2: part: disk.partitions[1].mountpoint two file systems are mounted at /',
    ],
    [
      'part foo --size=1',
      "1: part: 'foo' is no place for a partition: a path, swap, pv.NAME, raid.NAME, btrfs.NAME or biosboot",
    ],
    ['part /srv', '1: part: --size is missing'],
    ['part /srv --size=1 --maxsize=2', '1: part: --maxsize needs --grow'],
    [
      'part /srv --size=1 --fstype=reiserfs',
      "1: part: the file system 'reiserfs' is not supported; there are ext4, xfs, btrfs, vfat, swap",
    ],
    ['part /srv --onpart=sda1', '1: part: --onpart is not supported, partitions are made anew'],
    ['part pv.1 --size=1', '1: part: no volgroup uses pv.1'],
    ['volgroup vg pv.9', '1: volgroup: there is no partition pv.9'],
    ['logvol / --vgname=no --name=x --size=1', '1: logvol: there is no volgroup no'],
    [
      'part raid.1 --size=1\nraid / --level=1 --device=r raid.1',
      '2: raid: level 1 needs 2 partitions besides 0 spares',
    ],
    [
      'part raid.1 --size=1\npart raid.2 --size=1\nraid / --level=7 --device=r raid.1 raid.2',
      "3: raid: --level must be one of 0, 1, 4, 5, 6, 10, not '7'",
    ],
    [
      'part pv.1 --size=9\nvolgroup v pv.1\nlogvol /usr --vgname=v --name=u --size=5',
      '3: logvol: disk.partitions[0].logical_volumes[0].mountpoint /usr belongs to the image or the system',
    ],
    ['autopart --fstype=btrfs', '1: autopart: --fstype=btrfs is no such choice, use --type=btrfs'],
    ['autopart --type=thinp', '1: autopart: --type=thinp is not supported'],
    ['network --bootproto=static --ip=1.2.3.4', '1: network: a static address needs --ip and --netmask'],
    [
      'network --ip=1.2.3.400 --netmask=255.0.255.0',
      "1: network: --ip must be an IPv4 address, not '1.2.3.400'",
    ],
    [
      'network --device=bond0 --bondslaves=a,b',
      '1: network: --bondslaves is not supported; put a file for systemd-networkd or NetworkManager into the image',
    ],
    [
      'user --name=Al',
      '1: user: user[0].name must be a name of small letters, digits, - and _, at most 32 of them, not beginning with a digit',
    ],
    [
      'user --name=al --password=plain',
      '1: user: the password is no hash of crypt(5); add --plaintext if it is the password itself',
    ],
    ['sshkey --username=al "nothing"', '1: sshkey: sshkey[0].key must hold public keys, one a line'],
    [
      'clearpart --all\nignoredisk --only-use=sda\nbootloader --boot-drive=/dev/sdb',
      '3: bootloader: disk.boot_drive is none of drives: an installer does not use that disk',
    ],
    [
      'ignoredisk --drives=sd[b]|sdb\nbootloader --boot-drive=sdb',
      '2: bootloader: --boot-drive=sdb is a disk that ignoredisk ignores',
    ],
    [
      'network --hostname=-x',
      '1: network: hostname must be a host name: labels of letters, digits and -, separated by dots',
    ],
  ])('%s', async (text, expected) => {
    expect(await errors(text)).toContain(expected);
  });

  test('what has no effect is an error only under --strict', async () => {
    const text = 'firstboot --enable\nvnc\n%addon x\n%end\n%packages\n%end\n';
    expect(await errors(text)).toEqual([]);
    expect(await errors(text, { isStrict: true })).toEqual([
      '1: firstboot: has no effect when an image is installed',
      '2: vnc: the command is deprecated',
      '2: vnc: has no effect when an image is installed',
      '3: %addon: has no effect when an image is installed',
    ]);
  });

  test('a disk image runs no scripts and has what its writer can make', async () => {
    expect(
      await errors(
        'part / --fstype=vfat --size=1\npart /srv --fstype=xfs --size=1\npart pv.1 --size=1\nvolgroup v pv.1\n%post\n%end\n',
        {
          target: 'disk',
        },
      ),
    ).toEqual([
      '1: part: disk.partitions[0].fs_type the root is ext4, xfs or btrfs',
      '2: part: disk.partitions[1].fs_type xfs is not supported on a disk image yet; use ext4',
      '3: part: disk.partitions[2].type lvm is not supported on a disk image yet; an installer makes it',
      '5: %post: scripts run where an installer runs, a disk image is written without running anything',
    ]);
  });
});

describe('files as people write them', () => {
  test('there are ten', async () => {
    expect(await readdir(FILES)).toHaveLength(10);
  });

  test.each<[string, readonly string[]]>([
    [
      'bootc-appliance.cfg',
      ['registry.example/appliance', 'EVERY PARTITION IS REMOVED', 'user core in wheel'],
    ],
    [
      'server-lvm.cfg',
      ['partition rhel: lvm', 'volume root: /, at least 10.7 GB', 'updates from: registry.example/server:9'],
    ],
    [
      'cloud-minimal.cfg',
      ['partition /: ext4, at least 5.2 GB', 'ssh key for root', 'end: the machine is switched off'],
    ],
    [
      'raid-mirror.cfg',
      ['raid root: level 1 of raid.01, raid.02, /', 'sda, sdb: EVERY PARTITION IS REMOVED'],
    ],
    [
      'btrfs-desktop.cfg',
      ['subvolume home: /home', 'disks: every disk but /dev/disk/by-id/usb-*', 'encrypted'],
    ],
    ['encrypted-laptop.cfg', ['partition system: lvm', 'host name: laptop.example.org']],
    [
      'network-heavy.cfg',
      [
        'file /etc/systemd/network/10-52-54-00-12-34-56.network',
        'partitions removed: sda2, sda3',
        'firewall: off',
      ],
    ],
    ['made-by-pre.cfg', ['runs /usr/bin/python3 in the installer', '%onerror']],
    [
      'edge-existing.cfg',
      ['/dev/disk/by-label/root: mounted at /, MADE ANEW', '/dev/vda1: mounted at /boot/efi, kept as it is'],
    ],
    ['mainframe.cfg', ['nothing is removed; free space is used']],
  ])('%s', async (name, expected) => {
    const made = await plan(await readFile(join(FILES, name), 'utf8'));
    expect(made.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    const said = `${describeKickstart(made).join('\n')}\n${made.scripts.map(({ body }) => body).join('')}`;
    for (const words of expected) expect(said).toContain(words);
  });

  test('cut short anywhere never crash', async () => {
    const texts = await Promise.all(
      (await readdir(FILES)).map((name) => readFile(join(FILES, name), 'utf8')),
    );
    const lines = texts.flatMap((text) => text.split('\n'));
    const words = fc.constantFrom(
      ...COMMANDS.keys(),
      ...SECTIONS.keys(),
      '--size=5',
      '--name=a',
      'pv.1',
      '/',
      'swap',
      'raid.1',
      '%end',
    );
    const line = fc.oneof(
      fc.constantFrom(...lines),
      fc.tuple(fc.constantFrom(...lines), fc.nat(80)).map(([text, length]) => text.slice(0, length)),
      fc.array(words).map((each) => each.join(' ')),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 25 }),
        fc.constantFrom('disk', 'installer'),
        async (chosen, target) => {
          const made = await plan(chosen.join('\n'), { target });
          expect(describeKickstart(made).length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a configuration as a kickstart file', () => {
  const CONFIG = `
[customizations]
hostname = "web"
[customizations.timezone]
timezone = "Europe/Berlin"
ntpservers = ["ntp.example"]
[customizations.locale]
languages = ["de_DE.UTF-8"]
keyboard = "de"
[customizations.kernel]
append = "quiet panic=5"
[[customizations.user]]
name = "alice"
description = "Alice \\"A\\" Example"
password = "$6$salt$hash"
key = "${KEY}"
groups = ["sudo"]
[[customizations.group]]
name = "app"
gid = 2000
[customizations.services]
enabled = ["ssh"]
disabled = ["cron"]
[customizations.firewall]
ports = ["443:tcp"]
[[customizations.files]]
path = "/etc/motd"
data = "it's\\n"
[[customizations.disk.partitions]]
mountpoint = "/"
min = "4 GiB"
[[customizations.disk.partitions]]
mountpoint = "/var/log"
min = "1 GiB"
max = "2 GiB"
grow = true
label = "logs"
[[customizations.disk.partitions]]
type = "lvm"
name = "data"
size = "10 GiB"
[[customizations.disk.partitions.logical_volumes]]
name = "db"
mountpoint = "/srv"
percent = 50
[customizations.disk]
boot_drive = "/dev/vdb"
[customizations.swap]
size = "1 GiB"
`;

  test('says the same when it is read again', async () => {
    const { config } = configOf('config.toml', CONFIG, 'installer');
    const { text, leftOut } = kickstartOf(config);
    expect(leftOut).toEqual([]);
    const again = await customizations(text);
    const before = config.customizations ?? {};
    for (const field of ['hostname', 'timezone', 'locale', 'kernel', 'group', 'services'] as const)
      expect(again[field]).toEqual(before[field]);
    expect(again.user).toEqual([
      { name: 'root', locked: true },
      { name: 'alice', description: 'Alice "A" Example', password: '$6$salt$hash', groups: ['sudo'] },
    ]);
    expect(again.sshkey).toEqual([{ user: 'alice', key: KEY }]);
    expect(again.disk?.partitions).toEqual([
      { min: 4096 * MIB, mountpoint: '/', fs_type: 'ext4' },
      {
        min: 1024 * MIB,
        grow: true,
        max: 2048 * MIB,
        mountpoint: '/var/log',
        fs_type: 'ext4',
        label: 'logs',
      },
      {
        size: 10_240 * MIB,
        type: 'lvm',
        name: 'data',
        logical_volumes: [{ name: 'db', percent: 50, mountpoint: '/srv' }],
      },
      { size: 1024 * MIB, fs_type: 'swap' },
    ]);
    expect(again.disk?.boot_drive).toBe('/dev/vdb');
    const { scripts } = await plan(text);
    expect(scripts[0]?.body).toContain('base64 -d > /etc/motd');
  });

  test('says what it cannot say', () => {
    const { config } = configOf(
      'c.toml',
      '[[customizations.user]]\nname = "a"\nexpiredate = 5\n[[customizations.disk.partitions]]\nmountpoint = "/srv"\nmin = "1 GiB"\npercent = 5\n',
      'installer',
    );
    expect(kickstartOf(config).leftOut).toEqual([
      'customizations.user[0].expiredate',
      'customizations.disk.partitions[0].percent',
    ]);
  });
});
