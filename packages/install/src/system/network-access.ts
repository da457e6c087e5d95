import type { FirewallConfig, SshdConfig } from '../config/types.ts';
import type { SystemDraft } from './draft.ts';

/** sshd_config(5): the first value of a keyword counts, so this stands before most others. */
export async function planSshd(draft: SystemDraft, sshd: SshdConfig): Promise<void> {
  const main = await draft.text('/etc/ssh/sshd_config');
  if (main === undefined) {
    draft.problem(
      ['sshd'],
      'the image has no /etc/ssh/sshd_config; install the ssh server in its Containerfile',
    );
    return;
  }
  if (!/^\s*Include\s+\/etc\/ssh\/sshd_config\.d\//im.test(main)) {
    draft.problem(['sshd'], 'sshd_config of the image does not include /etc/ssh/sshd_config.d');
  }
  const word = (value: boolean | string): string =>
    typeof value === 'string' ? value : value ? 'yes' : 'no';
  const lines: string[] = [];
  const say = (keyword: string, value: boolean | string | number | undefined): void => {
    if (value !== undefined) lines.push(`${keyword} ${typeof value === 'number' ? value : word(value)}\n`);
  };
  say('PasswordAuthentication', sshd.password_authentication);
  say('ClientAliveInterval', sshd.client_alive_interval);
  say('PermitRootLogin', sshd.permit_root_login);
  say('KbdInteractiveAuthentication', sshd.kbd_interactive_authentication);
  draft.writeText('/etc/ssh/sshd_config.d/10-slipway.conf', lines.join(''), { mode: 0o600 });
}

/** Who gets in over the network: rules for firewalld or for nftables, whichever the image has. */
export async function planFirewall(draft: SystemDraft, firewall: FirewallConfig): Promise<void> {
  const at = (...path: readonly (string | number)[]): readonly (string | number)[] => ['firewall', ...path];
  const hasFirewalld = draft.find('/usr/lib/systemd/system/firewalld.service') !== undefined;
  const hasNftables = draft.find('/usr/lib/systemd/system/nftables.service') !== undefined;
  if (!hasFirewalld && !hasNftables) {
    draft.problem(at(), 'the image has neither firewalld nor nftables; install one in its Containerfile');
    return;
  }
  const unit = hasFirewalld ? 'firewalld.service' : 'nftables.service';
  const link = `/etc/systemd/system/${hasFirewalld ? 'multi-user' : 'sysinit'}.target.wants/${unit}`;
  if (firewall.enabled === false) {
    draft.put(link, { kind: 'remove' });
    return;
  }
  draft.put(link, { kind: 'symlink', target: `/usr/lib/systemd/system/${unit}` });
  const ports = (firewall.ports ?? []).map(portOf);
  for (const [index, port] of ports.entries()) {
    if (port === undefined)
      draft.problem(at('ports', index), 'must be ports from 1 to 65535, the lower one first');
  }
  const open = ports.filter((port) => port !== undefined);
  if (hasFirewalld) {
    planFirewalld(draft, firewall, open);
    return;
  }
  if (firewall.zones !== undefined) draft.problem(at('zones'), 'needs firewalld in the image');
  if (firewall.services?.disabled !== undefined && firewall.services.disabled.length > 0) {
    draft.problem(at('services', 'disabled'), 'nftables lets in nothing that is not enabled');
  }
  const services = parseServices((await draft.text('/etc/services')) ?? '');
  for (const [index, name] of (firewall.services?.enabled ?? []).entries()) {
    const known = services.get(name) ?? COMMON_SERVICES[name];
    if (known === undefined)
      draft.problem(at('services', 'enabled', index), `no port of a service '${name}' is known; give ports`);
    else open.push(...known);
  }
  draft.writeText('/etc/nftables.conf', nftablesRules(open, firewall.trusted_interfaces ?? []), {
    mode: 0o755,
  });
}

interface Port {
  /** A number, or a range with a dash. */
  readonly port: string;
  readonly protocol: 'tcp' | 'udp';
}

const COMMON_SERVICES: Readonly<Record<string, readonly Port[] | undefined>> = {
  ssh: [{ port: '22', protocol: 'tcp' }],
  http: [{ port: '80', protocol: 'tcp' }],
  https: [{ port: '443', protocol: 'tcp' }],
  smtp: [{ port: '25', protocol: 'tcp' }],
  ftp: [{ port: '21', protocol: 'tcp' }],
  dns: [
    { port: '53', protocol: 'tcp' },
    { port: '53', protocol: 'udp' },
  ],
  ntp: [{ port: '123', protocol: 'udp' }],
};

function portOf(text: string): Port | undefined {
  const found = /^(\d+)(?:-(\d+))?[:/](tcp|udp)$/.exec(text);
  const first = Number(found?.[1]);
  const last = Number(found?.[2] ?? first);
  if (!(first >= 1 && last >= first && last <= 65_535)) return undefined;
  return {
    port: first === last ? String(first) : `${first}-${last}`,
    protocol: found?.[3] === 'udp' ? 'udp' : 'tcp',
  };
}

/** services(5) */
function parseServices(text: string): ReadonlyMap<string, readonly Port[]> {
  const found = new Map<string, readonly Port[]>();
  for (const line of text.split('\n')) {
    const [name, port, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const parsed = portOf(port?.replace('/', ':') ?? '');
    if (name === undefined || parsed === undefined) continue;
    for (const each of [name, ...aliases]) found.set(each, [...(found.get(each) ?? []), parsed]);
  }
  return found;
}

function nftablesRules(ports: readonly Port[], trusted: readonly string[]): string {
  const set = (protocol: 'tcp' | 'udp'): readonly string[] => {
    const own = [...new Set(ports.filter((each) => each.protocol === protocol).map(({ port }) => port))];
    return own.length === 0 ? [] : [`\t\t${protocol} dport { ${own.join(', ')} } accept`];
  };
  return [
    '#!/usr/sbin/nft -f',
    'flush ruleset',
    'table inet filter {',
    '\tchain input {',
    '\t\ttype filter hook input priority filter; policy drop;',
    '\t\tct state vmap { established : accept, related : accept, invalid : drop }',
    '\t\tiifname "lo" accept',
    ...trusted.map((name) => `\t\tiifname ${JSON.stringify(name)} accept`),
    '\t\tmeta l4proto { icmp, ipv6-icmp } accept',
    '\t\tudp dport { 68, 546 } accept',
    ...set('tcp'),
    ...set('udp'),
    '\t}',
    '\tchain forward {',
    '\t\ttype filter hook forward priority filter; policy drop;',
    '\t}',
    '}',
    '',
  ].join('\n');
}

/** firewalld.zone(5): the public zone, and those named. */
function planFirewalld(draft: SystemDraft, firewall: FirewallConfig, ports: readonly Port[]): void {
  const disabled = new Set(firewall.services?.disabled);
  const services = ['ssh', 'dhcpv6-client', ...(firewall.services?.enabled ?? [])].filter(
    (name) => !disabled.has(name),
  );
  draft.writeText(
    '/etc/firewalld/zones/public.xml',
    zoneXml([
      ...[...new Set(services)].map((name) => `  <service name="${xml(name)}"/>`),
      ...ports.map(({ port, protocol }) => `  <port port="${port}" protocol="${protocol}"/>`),
    ]),
  );
  const trusted = firewall.trusted_interfaces ?? [];
  if (trusted.length > 0) {
    const lines = trusted.map((name) => `  <interface name="${xml(name)}"/>`);
    draft.writeText('/etc/firewalld/zones/trusted.xml', zoneXml(lines, ' target="ACCEPT"'));
  }
  for (const [index, { name, sources = [] }] of (firewall.zones ?? []).entries()) {
    if (name === undefined || !/^[\w-]+$/.test(name)) {
      draft.problem(['firewall', 'zones', index], 'must have a name of letters, digits, _ and -');
      continue;
    }
    draft.writeText(
      `/etc/firewalld/zones/${name}.xml`,
      zoneXml(sources.map((source) => `  <source address="${xml(source)}"/>`)),
    );
  }
}

function zoneXml(lines: readonly string[], attributes = ''): string {
  return ['<?xml version="1.0" encoding="utf-8"?>', `<zone${attributes}>`, ...lines, '</zone>', ''].join(
    '\n',
  );
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
