import type { ConfigDraft } from './draft-config.ts';
import { planNetwork } from './network-command.ts';
import type { KickstartCommand } from './parser.ts';
import { isOn, listOf, numberOf, textOf } from './setting.ts';

/** What one command changes of the installed system. */
type SystemCommand = (command: KickstartCommand, draft: ConfigDraft) => void;

/** Commands about the system itself, by name. Those that count once are called for their last line only. */
export const SYSTEM_COMMANDS: Readonly<Record<string, SystemCommand | undefined>> = {
  lang: (command, draft) => {
    draft.add(command, ['locale', 'languages'], command.words[0], ...listOf(command, 'addsupport'));
  },
  keyboard: (command, draft) => {
    const [layout] = listOf(command, 'xlayouts');
    draft.set(command, 'locale', 'keyboard', layout ?? textOf(command, 'vckeymap') ?? command.words[0]);
    if (listOf(command, 'xlayouts').length > 1) draft.warn(command, 'keyboard: only the first layout is set');
    if (command.options.has('switch')) draft.warn(command, 'keyboard: --switch has no effect');
  },
  timezone: (command, draft) => draft.set(command, 'timezone', 'timezone', command.words[0]),
  timesource: (command, draft) => {
    if (isOn(command, 'ntp-disable')) draft.add(command, ['services', 'masked'], 'systemd-timesyncd');
    const server = textOf(command, 'ntp-server') ?? textOf(command, 'ntp-pool');
    if (server !== undefined) draft.add(command, ['timezone', 'ntpservers'], server);
    if (isOn(command, 'nts')) draft.warn(command, 'timesource: --nts has no effect');
  },
  hostname: (command, draft) => draft.setTop(command, 'hostname', command.words[0]),
  network: planNetwork,
  rootpw: rootPassword,
  user: addUser,
  group: (command, draft) => {
    draft.add(command, ['group'], { name: textOf(command, 'name'), gid: numberOf(command, 'gid') });
  },
  sshkey: (command, draft) => {
    draft.add(command, ['sshkey'], { user: textOf(command, 'username'), key: command.words[0] });
  },
  services: (command, draft) => {
    const enabled = new Set(listOf(command, 'enabled'));
    const disabled = listOf(command, 'disabled').filter((name) => !enabled.has(name));
    if (enabled.size > 0) draft.add(command, ['services', 'enabled'], ...enabled);
    if (disabled.length > 0) draft.add(command, ['services', 'disabled'], ...new Set(disabled));
  },
  firewall: setFirewall,
  selinux: (command, draft) => {
    if (isOn(command, 'disabled')) draft.appendKernel(command, 'selinux=0');
    else if (isOn(command, 'permissive')) draft.appendKernel(command, 'enforcing=0');
  },
  bootloader: setBootloader,
};

function rootPassword(command: KickstartCommand, draft: ConfigDraft): void {
  const [password] = command.words;
  const isLocked = isOn(command, 'lock');
  draft.add(command, ['user'], {
    name: 'root',
    ...(isLocked
      ? { locked: true }
      : { password: hashOrText(password ?? '', isOn(command, 'iscrypted'), command, draft) }),
  });
  if (isLocked && password !== undefined)
    draft.warn(command, 'rootpw: the password has no effect, the account is locked');
  if (isOn(command, 'allow-ssh')) draft.set(command, 'sshd', 'permit_root_login', true);
}

function addUser(command: KickstartCommand, draft: ConfigDraft): void {
  const name = textOf(command, 'name');
  if (name === 'root') {
    draft.warn(command, 'user: root is there already and is not changed; use rootpw and sshkey');
    return;
  }
  const password = textOf(command, 'password');
  // The opposite of rootpw: a password is taken for a hash unless it says otherwise.
  const isHash = password !== undefined && !isOn(command, 'plaintext');
  const groups = listOf(command, 'groups').map((group) => group.replace(/\(.*\)$/, ''));
  const isLocked = isOn(command, 'lock');
  draft.add(command, ['user'], {
    name,
    description: textOf(command, 'gecos'),
    ...(password === undefined || isLocked ? {} : { password: hashOrText(password, isHash, command, draft) }),
    ...(isLocked ? { locked: true } : {}),
    groups: groups.length === 0 ? undefined : groups,
    uid: numberOf(command, 'uid'),
    gid: numberOf(command, 'gid'),
    home: textOf(command, 'homedir'),
    shell: textOf(command, 'shell'),
  });
}

function hashOrText(
  password: string,
  isHash: boolean,
  command: KickstartCommand,
  draft: ConfigDraft,
): string {
  const looksHashed = /^\$[0-9a-z-]+\$/.test(password);
  if (isHash && !looksHashed) {
    draft.error(
      command,
      `${command.name}: the password is no hash of crypt(5); add --plaintext if it is the password itself`,
    );
  }
  if (!isHash && looksHashed)
    draft.warn(
      command,
      `${command.name}: the password looks like a hash and is taken for one; add --iscrypted`,
    );
  return password;
}

function setFirewall(command: KickstartCommand, draft: ConfigDraft): void {
  if (isOn(command, 'use-system-defaults')) return;
  if (isOn(command, 'disabled')) {
    draft.set(command, 'firewall', 'enabled', false);
    return;
  }
  const flags = ['ssh', 'http', 'smtp', 'ftp'].filter((name) => isOn(command, name));
  const removed = listOf(command, 'remove-service');
  // A firewall that is on lets ssh in unless it is taken out by name.
  const open = removed.includes('ssh') ? [] : ['ssh'];
  const enabled = [...new Set([...open, ...flags, ...listOf(command, 'service')])];
  const trusted = listOf(command, 'trust');
  draft.set(command, 'firewall', 'enabled', true);
  if (enabled.length + removed.length > 0) {
    draft.set(command, 'firewall', 'services', {
      ...(enabled.length === 0 ? {} : { enabled }),
      ...(removed.length === 0 ? {} : { disabled: removed }),
    });
  }
  // A port without a protocol is one of TCP.
  const ports = listOf(command, 'port').map((port) => (/[:/]/.test(port) ? port : `${port}:tcp`));
  if (ports.length > 0) draft.set(command, 'firewall', 'ports', ports);
  if (trusted.length > 0) draft.set(command, 'firewall', 'trusted_interfaces', trusted);
}

function setBootloader(command: KickstartCommand, draft: ConfigDraft): void {
  const append = textOf(command, 'append');
  if (append !== undefined && append.trim() !== '') draft.appendKernel(command, append.trim());
  const useless = [
    'location',
    'driveorder',
    'timeout',
    'password',
    'leavebootorder',
    'disabled',
    'nombr',
    'extlinux',
    'sdboot',
    'default',
  ];
  const given = useless.filter((name) => command.options.has(name));
  // Every file names a location; "on the disk" is where it goes anyway.
  const notable = given.filter(
    (name) => name !== 'location' || !['mbr', 'boot'].includes(textOf(command, name) ?? ''),
  );
  if (notable.length > 0)
    draft.warn(
      command,
      `bootloader: ${notable.map((name) => `--${name}`).join(', ')} has no effect, the boot loader is systemd-boot of the image`,
    );
}
