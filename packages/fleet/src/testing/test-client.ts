import { FleetClient } from '@slipway/fleet-api';
import { type ClientCertificate, httpsTransport } from '../client/https-transport.ts';

/** A client that asks as somebody. */
export function clientOf(
  url: string,
  authority: string,
  secret?: string,
  headers: Readonly<Record<string, string>> = {},
): FleetClient {
  return new FleetClient({
    url,
    transport: httpsTransport({ authority }),
    headers: () => ({ ...headers, ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }) }),
  });
}

/** A client that asks as a device. */
export function deviceClientOf(url: string, authority: string, certificate: ClientCertificate): FleetClient {
  return new FleetClient({ url, transport: httpsTransport({ authority, certificate }) });
}
