import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { messageOf, SlipwayError } from '@slipway/core';

/** Networks that are nobody's on the internet (the special-purpose registries of RFC 6890, multicast, and what is reserved). */
const NOT_PUBLIC = blockListOf([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
]);
/** All of IPv6 that is given out; what carries an address of IPv4 within it is elsewhere. */
const PUBLIC_V6 = blockListOf(['2000::/3']);

/** Where a URL leads, looked up once: whoever connects uses these addresses, and asks no name server again. */
export interface OutboundTarget {
  readonly url: URL;
  readonly host: string;
  readonly port: number;
  readonly addresses: readonly string[];
}

/**
 * Keeps what people write into resources from making this server talk to its own neighbourhood: addresses of private networks, of this
 * machine, and of a cloud's metadata are refused unless whoever runs the server allowed their network.
 */
export class OutboundGuard {
  readonly #allowed: BlockList;

  /**
   * @param allowed networks that may be reached besides the public ones: `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`
   * @throws SlipwayError FLEET_NETWORK_INVALID
   */
  constructor(allowed: readonly string[] = []) {
    this.#allowed = blockListOf(allowed);
  }

  /**
   * Looks a URL up. Where one of its addresses is refused, all are.
   *
   * @param options `plain`: http:// as well, but into networks that were allowed and nowhere else
   * @throws SlipwayError FLEET_ADDRESS_REFUSED, FLEET_UNREACHABLE when the name is unknown
   */
  async resolve(text: string, options: { readonly plain?: boolean } = {}): Promise<OutboundTarget> {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isPlain = url?.protocol === 'http:' && options.plain === true;
    if (
      url === undefined ||
      !(isPlain || url.protocol === 'https:') ||
      `${url.username}${url.password}` !== ''
    )
      throw refused('it does not begin with https:// and a host');
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const addresses = isIP(host) === 0 ? await addressesOf(host) : [host];
    if (addresses.length === 0 || !addresses.every((address) => this.#isAllowed(address)))
      throw refused(`${url.hostname} is no public address`);
    if (isPlain && !addresses.every((address) => this.#isNamed(address)))
      throw refused('http:// is for networks that were allowed: write https://');
    const port = url.port === '' ? (isPlain ? 80 : 443) : Number(url.port);
    return { url, host, port, addresses };
  }

  #isAllowed(address: string): boolean {
    const family = familyOf(address);
    if (this.#isNamed(address)) return true;
    if (NOT_PUBLIC.check(address, family)) return false;
    return family === 'ipv4' || PUBLIC_V6.check(address, family);
  }

  #isNamed(address: string): boolean {
    return this.#allowed.check(address, familyOf(address));
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

async function addressesOf(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new SlipwayError('FLEET_UNREACHABLE', `cannot find ${host}: ${messageOf(cause)}`, { cause });
  }
}

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix, ...rest] = network.split('/');
    const version = isIP(address);
    const widest = version === 6 ? 128 : 32;
    const bits = prefix === undefined ? widest : Number(/^\d{1,3}$/.exec(prefix)?.[0] ?? Number.NaN);
    if (version === 0 || rest.length > 0 || !(bits <= widest)) {
      throw new SlipwayError('FLEET_NETWORK_INVALID', `cannot read '${network}' as a network`, {
        hint: 'write an address, or a network such as 10.0.0.0/8 or fd00::/8',
      });
    }
    list.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

function refused(why: string): SlipwayError {
  return new SlipwayError('FLEET_ADDRESS_REFUSED', `cannot go to that URL: ${why}`, {
    hint: 'who runs the server may allow a private network: slipway fleet serve --allow-network 10.0.0.0/8',
  });
}
