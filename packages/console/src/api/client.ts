import { FleetClient, fetchTransport } from '@slipway/fleet-api';

/** Name of the cookie with what a page must say back with every change; the session itself is in one scripts cannot read. */
const CSRF_COOKIE = 'slipway_csrf';

/** The API of the server this page came from. */
export const client: FleetClient = new FleetClient({
  url: '',
  transport: fetchTransport((...request) => fetch(...request)),
  headers: () => ({ 'slipway-csrf': cookie(CSRF_COOKIE) }),
});

function cookie(name: string): string {
  const pair = document.cookie.split('; ').find((each) => each.startsWith(`${name}=`));
  return pair === undefined ? '' : decodeURIComponent(pair.slice(name.length + 1));
}
