import type { ConfigDraft } from './draft-config.ts';
import type { KickstartCommand } from './parser.ts';
import { isOn, listOf, numberOf, textOf } from './setting.ts';

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
/** Options of interfaces that are made, not found. */
const UNSUPPORTED = [
  'vlanid',
  'bondslaves',
  'teamslaves',
  'bridgeslaves',
  'essid',
  'wepkey',
  'dhcpclass',
  'ethtool',
  'bindto',
  'notksdevice',
];

/** `network`: the host's name, and a file of systemd.network(5) for an interface. */
export function planNetwork(command: KickstartCommand, draft: ConfigDraft): void {
  const hostname = textOf(command, 'hostname');
  if (hostname !== undefined) draft.setTop(command, 'hostname', hostname);
  const others = [...command.options.keys()].filter((name) => name !== 'hostname');
  if (others.length === 0) return;
  const unsupported = others.filter((name) => UNSUPPORTED.includes(name));
  if (unsupported.length > 0) {
    draft.error(
      command,
      `network: ${unsupported.map((name) => `--${name}`).join(', ')} is not supported; put a file for systemd-networkd or NetworkManager into the image`,
    );
    return;
  }
  const device = textOf(command, 'device');
  const text = networkFile(command, device, draft);
  const name = (device ?? 'link').replaceAll(/[^\w.-]/g, '-');
  draft.add(command, ['files'], { path: `/etc/systemd/network/10-${name}.network`, data: text });
}

function networkFile(command: KickstartCommand, device: string | undefined, draft: ConfigDraft): string {
  const protocol = textOf(command, 'bootproto') ?? 'dhcp';
  const isStatic = protocol === 'static' || command.options.has('ip');
  if (protocol === 'query' || protocol === 'ibft')
    draft.error(command, `network: --bootproto=${protocol} is not supported`);
  const ipv6 = textOf(command, 'ipv6') ?? 'auto';
  const hasIpv6 = !isOn(command, 'noipv6');
  const takesIpv4 = !isStatic && !isOn(command, 'noipv4');
  const takesIpv6 = hasIpv6 && (ipv6 === 'auto' || ipv6 === 'dhcp');
  const dhcp = takesIpv4 ? (takesIpv6 ? 'yes' : 'ipv4') : ipv6 === 'dhcp' && hasIpv6 ? 'ipv6' : 'no';
  const withoutDns = isOn(command, 'nodns');
  const lines: string[] = ['[Match]', matchOf(device)];
  const link = [
    ...(command.options.has('mtu') ? [`MTUBytes=${numberOf(command, 'mtu')}`] : []),
    ...(command.options.get('onboot') === false || isOn(command, 'no-activate')
      ? ['ActivationPolicy=manual']
      : []),
  ];
  if (link.length > 0) lines.push('', '[Link]', ...link);
  lines.push('', '[Network]', `DHCP=${dhcp}`);
  if (!hasIpv6) lines.push('LinkLocalAddressing=ipv4', 'IPv6AcceptRA=no');
  else if (ipv6 !== 'auto' && ipv6 !== 'dhcp') lines.push('IPv6AcceptRA=no', `Address=${ipv6}`);
  if (isStatic && !isOn(command, 'noipv4')) lines.push(...staticAddress(command, draft));
  const gateway6 = textOf(command, 'ipv6gateway');
  if (gateway6 !== undefined) lines.push(`Gateway=${gateway6}`);
  for (const server of listOf(command, 'nameserver')) lines.push(`DNS=${server}`);
  const domains = [...listOf(command, 'ipv4-dns-search'), ...listOf(command, 'ipv6-dns-search')];
  if (domains.length > 0) lines.push(`Domains=${[...new Set(domains)].join(' ')}`);
  if (isOn(command, 'nodefroute')) lines.push('DefaultRouteOnDevice=no');
  const ignores4 = withoutDns || isOn(command, 'ipv4-ignore-auto-dns');
  if (ignores4 || isOn(command, 'nodefroute')) {
    lines.push(
      '',
      '[DHCPv4]',
      ...(ignores4 ? ['UseDNS=no'] : []),
      ...(isOn(command, 'nodefroute') ? ['UseGateway=no'] : []),
    );
  }
  if (withoutDns || isOn(command, 'ipv6-ignore-auto-dns')) lines.push('', '[IPv6AcceptRA]', 'UseDNS=no');
  return `${lines.join('\n')}\n`;
}

/** A name, an address of hardware, or whichever wired interface has a link. */
function matchOf(device: string | undefined): string {
  if (device === undefined || device === 'link' || device === 'bootif') return 'Type=ether';
  return /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(device) ? `MACAddress=${device}` : `Name=${device}`;
}

function staticAddress(command: KickstartCommand, draft: ConfigDraft): readonly string[] {
  const address = textOf(command, 'ip');
  const mask = textOf(command, 'netmask');
  const gateway = textOf(command, 'gateway');
  if (address === undefined || mask === undefined) {
    draft.error(command, 'network: a static address needs --ip and --netmask');
    return [];
  }
  const bits = prefixLength(mask);
  if (!IPV4.test(address)) draft.error(command, `network: --ip must be an IPv4 address, not '${address}'`);
  if (bits === undefined)
    draft.error(command, `network: --netmask must be a mask such as 255.255.255.0, not '${mask}'`);
  if (gateway !== undefined && !IPV4.test(gateway))
    draft.error(command, `network: --gateway must be an IPv4 address, not '${gateway}'`);
  return [`Address=${address}/${bits ?? 32}`, ...(gateway === undefined ? [] : [`Gateway=${gateway}`])];
}

function prefixLength(mask: string): number | undefined {
  if (!IPV4.test(mask)) return undefined;
  const bits = mask
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
}
