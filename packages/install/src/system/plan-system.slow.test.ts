import { run } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { configOf } from '../config/load-config.ts';
import { draftOf, SMALL_IMAGE, type TreeText } from '../testing/small-image-tree.ts';
import type { SystemDraft } from './draft.ts';
import { planSystem } from './plan-system.ts';
import { sha512Crypt } from './sha512-crypt.ts';

const KEY = `ssh-ed25519 ${'A'.repeat(68)} me`;
const SEED = { seed: 'image', timeSec: 20_500 * 86_400 };

async function planned(toml: string, image: TreeText = SMALL_IMAGE): Promise<SystemDraft> {
  const draft = draftOf(image);
  const { config } = configOf('config.toml', toml, 'disk');
  await planSystem(draft, config.customizations ?? {}, SEED);
  return draft;
}

/** Changes in words: text of files with their mode where it was given, targets of symlinks. */
function changes(draft: SystemDraft): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...draft.edits].map(([path, edit]) => {
      if (edit.kind === 'symlink') return [path, `-> ${edit.target}`];
      if (edit.kind === 'remove') return [path, 'removed'];
      const owner = [edit.mode?.toString(8), edit.uid, edit.gid]
        .filter((each) => each !== undefined)
        .join(' ');
      return [
        path,
        edit.kind === 'file' ? `${owner}|${Buffer.from(edit.bytes).toString()}` : `${edit.kind} ${owner}`,
      ];
    }),
  );
}

async function problemsOf(toml: string, image?: TreeText): Promise<readonly string[]> {
  const { problems } = await planned(toml, image);
  return problems.map(({ path, message }) => `${path.slice(1).join('.')}: ${message}`);
}

test.each<[string, string, Readonly<Record<string, string>>]>([
  [
    'hostname',
    '[customizations]\nhostname = "web.example.org"',
    {
      '/etc/hostname': '|web.example.org\n',
      '/etc/hosts': '|127.0.0.1\tlocalhost\n127.0.1.1\tweb.example.org web\n',
    },
  ],
  [
    'timezone',
    '[customizations.timezone]\ntimezone = "Europe/Berlin"\nntpservers = ["a.example", "b.example"]',
    {
      '/etc/localtime': '-> ../usr/share/zoneinfo/Europe/Berlin',
      '/etc/timezone': '|Europe/Berlin\n',
      '/etc/systemd/timesyncd.conf.d/50-slipway.conf': '|[Time]\nNTP=a.example b.example\n',
    },
  ],
  [
    'languages',
    '[customizations.locale]\nlanguages = ["de_DE.UTF-8", "C.UTF-8"]',
    { '/etc/default/locale': '|LANG=de_DE.UTF-8\n' },
  ],
  [
    'keyboard',
    '[customizations.locale]\nkeyboard = "de (nodeadkeys)"',
    {
      '/etc/vconsole.conf': '|KEYMAP=de-nodeadkeys\nXKBLAYOUT=de\nXKBVARIANT=nodeadkeys\n',
      '/etc/default/keyboard': '|# layout\nXKBLAYOUT=de\nXKBVARIANT=nodeadkeys\n',
    },
  ],
  [
    'services enabled',
    '[customizations.services]\nenabled = ["internet", "getty@.service", "getty@tty5"]',
    {
      '/etc/systemd/system/multi-user.target.wants/web.service': '-> /usr/lib/systemd/system/web.service',
      '/etc/systemd/system/www.service': '-> /usr/lib/systemd/system/web.service',
      '/etc/systemd/system/sockets.target.wants/web.socket': '-> /usr/lib/systemd/system/web.socket',
      '/etc/systemd/system/getty.target.wants/getty@tty1.service':
        '-> /usr/lib/systemd/system/getty@.service',
      '/etc/systemd/system/getty.target.wants/getty@tty5.service':
        '-> /usr/lib/systemd/system/getty@.service',
    },
  ],
  [
    'services disabled and masked',
    '[customizations.services]\ndisabled = ["cron"]\nmasked = ["static"]',
    {
      '/etc/systemd/system/multi-user.target.wants/cron.service': 'removed',
      '/etc/systemd/system/static.service': '-> /dev/null',
    },
  ],
  [
    'sshd',
    '[customizations.sshd]\npassword_authentication = false\nclient_alive_interval = 30\npermit_root_login = "prohibit-password"\nkbd_interactive_authentication = false',
    {
      '/etc/ssh/sshd_config.d/10-slipway.conf':
        '600|PasswordAuthentication no\nClientAliveInterval 30\nPermitRootLogin prohibit-password\nKbdInteractiveAuthentication no\n',
    },
  ],
  [
    'files',
    '[[customizations.files]]\npath = "/etc/motd"\ndata = "hi"\nmode = "0600"\ngroup = "sudo"\n[[customizations.files]]\npath = "/root/x"\ndata_base64 = "AGE="',
    { '/etc/motd': '600 27|hi', '/var/roothome/x': '|\0a' },
  ],
  [
    'directories',
    '[[customizations.directories]]\npath = "/etc/app/conf.d"\nensure_parents = true\nmode = "0750"\nuser = "daemon"',
    { '/etc/app/conf.d': 'directory 750 1' },
  ],
  [
    'group',
    '[[customizations.group]]\nname = "app"\ngid = 2000\n[[customizations.group]]\nname = "sudo"',
    {
      '/etc/passwd': `|${SMALL_IMAGE['etc/passwd']}`,
      '/etc/group': `|${SMALL_IMAGE['etc/group']}app:x:2000:\n`,
      '/etc/shadow': `|${SMALL_IMAGE['etc/shadow']}`,
      '/etc/gshadow': `|${SMALL_IMAGE['etc/gshadow']}app:!::\n`,
      '/etc/subuid': '|',
    },
  ],
])('%s', async (_name, toml, expected) => {
  const draft = await planned(toml);
  expect(draft.problems).toEqual([]);
  expect(changes(draft)).toEqual(expected);
});

describe('users', () => {
  test('are made with groups, home, keys and everything else', async () => {
    const draft = await planned(`
[[customizations.user]]
name = "alice"
description = "Alice Example"
password = "$6$salt$hash"
key = "${KEY}"
groups = ["sudo", "app"]
shell = "/usr/bin/zsh"
expiredate = 21000
force_password_reset = true
[[customizations.user]]
name = "bob"
uid = 1500
gid = 27
home = "/var/lib/bob"
locked = true
[[customizations.group]]
name = "app"
`);
    expect(draft.problems).toEqual([]);
    const made = changes(draft);
    expect(made['/etc/passwd']).toBe(
      `|${SMALL_IMAGE['etc/passwd']}alice:x:1001:1001:Alice Example:/home/alice:/usr/bin/zsh\nbob:x:1500:27::/var/lib/bob:/bin/bash\n`,
    );
    expect(made['/etc/group']).toBe(
      '|root:x:0:\nsudo:x:27:alice\nshadow:x:42:\napp:x:1000:alice\nalice:x:1001:\n',
    );
    expect(made['/etc/gshadow']).toBe('|root:*::\nsudo:*::alice\napp:!::alice\nalice:!::\n');
    expect(made['/etc/shadow']).toBe(
      `|${SMALL_IMAGE['etc/shadow']}alice:$6$salt$hash:0:0:99999:7::21000:\nbob:!:20500:0:99999:7:::\n`,
    );
    expect(made['/etc/subuid']).toBe('|alice:100000:65536\nbob:165536:65536\n');
    expect(made['/var/home/alice']).toBe('directory 700 1001 1001');
    expect(made['/var/home/alice/.bashrc']).toBe('copy 1001 1001');
    expect(made['/var/home/alice/.ssh']).toBe('directory 700 1001 1001');
    expect(made['/var/home/alice/.ssh/authorized_keys']).toBe(`600 1001 1001|${KEY}\n`);
    expect(made['/var/lib/bob']).toBe('directory 700 1500 27');
  });

  test('of the image are changed', async () => {
    const draft = await planned(
      `[[customizations.user]]\nname = "root"\npassword = "secret"\nkeys = ["${KEY}"]\n[[customizations.sshkey]]\nuser = "root"\nkey = "${KEY.replace(' me', ' you')}"\n`,
    );
    const made = changes(draft);
    const hash = /root:(\$6\$rounds=100000\$(.{16})\$[^:]{86}):20500:0:99999:7:::\n/.exec(
      made['/etc/shadow'] ?? '',
    );
    expect(hash?.[1]).toBe(sha512Crypt('secret', hash?.[2] ?? '', 100_000));
    expect(made['/var/roothome/.ssh/authorized_keys']).toBe(
      `600 0 0|${KEY}\n${KEY.replace(' me', ' you')}\n`,
    );
    expect(made['/etc/passwd']).toBe(`|${SMALL_IMAGE['etc/passwd']}`);
  });
});

describe('the firewall', () => {
  test('is nftables where the image has that', async () => {
    const draft = await planned(
      '[customizations.firewall]\nports = ["8000-8010:tcp", "53:udp"]\ntrusted_interfaces = ["wg0"]\n[customizations.firewall.services]\nenabled = ["ssh", "postgres"]\n',
    );
    expect(draft.problems).toEqual([]);
    const made = changes(draft);
    expect(made['/etc/systemd/system/sysinit.target.wants/nftables.service']).toBe(
      '-> /usr/lib/systemd/system/nftables.service',
    );
    expect(made['/etc/nftables.conf']).toContain(
      '\t\ttcp dport { 8000-8010, 22, 5432 } accept\n\t\tudp dport { 53 } accept\n',
    );
    expect(made['/etc/nftables.conf']).toContain('iifname "wg0" accept');
  });

  test('is firewalld where the image has that', async () => {
    const image = { ...SMALL_IMAGE, 'usr/lib/systemd/system/firewalld.service': '' };
    const made = changes(
      await planned(
        '[customizations.firewall]\nports = ["443:tcp"]\nservices = { enabled = ["http"], disabled = ["ssh"] }\nzones = [{ name = "inner", sources = ["10.0.0.0/8"] }]\n',
        image,
      ),
    );
    expect(made['/etc/firewalld/zones/public.xml']).toBe(
      '|<?xml version="1.0" encoding="utf-8"?>\n<zone>\n  <service name="dhcpv6-client"/>\n  <service name="http"/>\n  <port port="443" protocol="tcp"/>\n</zone>\n',
    );
    expect(made['/etc/firewalld/zones/inner.xml']).toContain('<source address="10.0.0.0/8"/>');
  });

  test('can be off', async () => {
    expect(changes(await planned('[customizations.firewall]\nenabled = false\n'))).toEqual({
      '/etc/systemd/system/sysinit.target.wants/nftables.service': 'removed',
    });
  });
});

test.each<[string, string]>([
  [
    '[customizations.timezone]\ntimezone = "Mars/Olympus"',
    'timezone.timezone: the image has no time zone Mars/Olympus below /usr/share/zoneinfo',
  ],
  [
    '[customizations.locale]\nlanguages = ["fr_FR.UTF-8"]',
    'locale.languages.0: the image has no locale fr_FR.UTF-8; generate it in the Containerfile (Debian: install locales-all)',
  ],
  [
    '[customizations.services]\nenabled = ["wbe"]',
    "services.enabled.0: the image has no unit wbe.service, did you mean 'web.service'?",
  ],
  [
    '[customizations.services]\nenabled = ["static"]',
    'services.enabled.0: static.service cannot be enabled: it has no [Install] section, others start it',
  ],
  [
    '[[customizations.user]]\nname = "a"\ngroups = ["sduo"]',
    "user.0.groups.0: the group 'sduo' is neither in the image nor described here, did you mean 'sudo'?",
  ],
  [
    '[[customizations.user]]\nname = "a"\nuid = 1',
    "user.0.uid: 1 is the number of the user 'daemon' of the image",
  ],
  [
    '[[customizations.user]]\nname = "daemon"\nuid = 7',
    "user.0.uid: the user 'daemon' of the image has the number 1, and files that belong to it",
  ],
  ['[[customizations.user]]\nname = "a"\nshell = "/bin/fish"', 'user.0.shell: the image has no /bin/fish'],
  [
    '[[customizations.user]]\nname = "a"\nhome = "/opt/a"',
    'user.0.home: /opt/a is not below /var or /etc on a host made from this image',
  ],
  [
    `[[customizations.sshkey]]\nuser = "a"\nkey = "${KEY}"`,
    "sshkey.0.user: the user 'a' is neither in the image nor described here",
  ],
  [
    '[[customizations.files]]\npath = "/usr/bin/x"\ndata = ""',
    'files.0.path: /usr/bin/x is part of the sealed image, put it there in the Containerfile; only what is below /etc and /var can be written',
  ],
  [
    '[[customizations.files]]\npath = "/etc/x"\nuser = "nobody"',
    "files.0.user: the user 'nobody' is neither in the image nor described here",
  ],
  [
    '[[customizations.files]]\npath = "/etc/x"\nuri = "file:///no/such/file"',
    'files.0.uri: cannot be read: no such file or directory (open /no/such/file)',
  ],
  [
    '[[customizations.directories]]\npath = "/etc/a/b"',
    'directories.0.path: /etc/a is no directory; ensure_parents = true makes it',
  ],
  [
    '[customizations.firewall]\nports = ["70000:tcp"]',
    'firewall.ports.0: must be ports from 1 to 65535, the lower one first',
  ],
  [
    '[customizations.firewall.services]\nenabled = ["gopher"]',
    "firewall.services.enabled.0: no port of a service 'gopher' is known; give ports",
  ],
])('what the image cannot do is said: %s', async (toml, expected) => {
  expect(await problemsOf(toml)).toEqual([expected]);
});

test.each([
  ['x', 'salt'],
  ['Hello world!', 'saltstringsaltst'],
  ['grüße \u{1f600} '.repeat(10), 'ab'],
])('a password is hashed as openssl does it', async (password, salt) => {
  const { stdout } = await run(['openssl', 'passwd', '-6', '-salt', salt, '-stdin'], {
    describe: 'hash',
    input: `${password}\n`,
  });
  expect(sha512Crypt(password, salt)).toBe(stdout.toString().trim());
});
