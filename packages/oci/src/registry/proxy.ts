/** Which proxy a request goes through, by the variables every tool of this field reads (as Go's net/http does, which podman and docker use). */

import { BlockList, isIP, isIPv6 } from 'node:net';
import { SlipwayError } from '@slipway/core';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for an address: `HTTPS_PROXY` or `HTTP_PROXY` by its scheme, none for this machine itself and for what `NO_PROXY` names:
 * hosts with all below them, `.domain` for those below only, addresses, networks as `10.0.0.0/8`, each with a port if only that is
 * meant, or `*`. Names may be lower case.
 *
 * @throws SlipwayError OCI_UNREACHABLE for a proxy that is no http or https address
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = read(env, name);
  if (value === '' || isLoopback(url.hostname) || isExempt(url, read(env, 'NO_PROXY'))) return undefined;
  const proxy = value.includes('://') ? value : `http://${value}`;
  const parsed = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return parsed;
  // The value may hold a password.
  throw new SlipwayError(
    'OCI_UNREACHABLE',
    `cannot reach ${url.host}: ${name} names no proxy that can be used`,
    {
      hint: 'give it as http://HOST:PORT',
    },
  );
}

/** Whether a host, as it stands in a URL or reference, is this machine. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|.*\.localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/i.test(hostname);
}

function read(env: Environment, name: string): string {
  return env[name] || (env[name.toLowerCase()] ?? '');
}

function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => covers(entry, host, port));
}

function covers(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInNetwork(entry, host);
  const { name, wantedPort } = splitPort(entry);
  if (wantedPort !== undefined && wantedPort !== port) return false;
  if (isIP(name) !== 0) return isIP(host) !== 0 && sameAddress(name, host);
  const domain = name.replace(/^\*?\./, '');
  return host.endsWith(`.${domain}`) || (domain === name && host === domain);
}

/** `host:443`, `[::1]:443`, `::1` and `host`. */
function splitPort(entry: string): { readonly name: string; readonly wantedPort: string | undefined } {
  const groups = isIPv6(entry) ? undefined : /^(?<name>.*?)(?::(?<port>[0-9]+))?$/.exec(entry)?.groups;
  return { name: (groups?.['name'] ?? entry).replace(/^\[|\]$/g, ''), wantedPort: groups?.['port'] };
}

function isInNetwork(entry: string, host: string): boolean {
  const [network = '', bits = ''] = entry.split('/');
  const isSixth = isIPv6(network);
  if (isIP(network) === 0 || !/^[0-9]{1,3}$/.test(bits) || Number(bits) > (isSixth ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), isSixth ? 'ipv6' : 'ipv4');
  return isIP(host) !== 0 && list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

function sameAddress(one: string, other: string): boolean {
  return isInNetwork(`${one}/${isIPv6(one) ? 128 : 32}`, other);
}
