import { addon } from './addon.ts';
import { pathBytes } from './path.ts';

/**
 * Tells the service manager how this service is: `{ READY: '1' }`, `{ STATUS: 'pulling' }`, `{ WATCHDOG: '1' }`.
 *
 * @param socketPath where it listens; the environment says so (NOTIFY_SOCKET)
 * @returns false when nobody wants to know, because no service manager started this process
 * @throws an Error with `code` ENOENT or ECONNREFUSED when the manager named in the environment is gone
 * @see sd_notify(3)
 */
export async function notifyServiceManager(
  fields: Readonly<Record<string, string>>,
  socketPath: string | undefined = process.env['NOTIFY_SOCKET'],
): Promise<boolean> {
  if (socketPath === undefined || socketPath === '') return false;
  // A line break would start another field.
  const lines = Object.entries(fields).map(([name, value]) => `${name}=${value.replaceAll('\n', ' ')}\n`);
  await addon().sendDatagram(pathBytes(socketPath), Buffer.from(lines.join(''), 'utf8'));
  return true;
}
