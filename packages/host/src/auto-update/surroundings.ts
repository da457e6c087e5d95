/** Who would be interrupted by a reboot, as systemd's login manager tells, and what the network is like. */
import { join } from 'node:path';
import { type Operation, run } from '@slipway/core';
import { pathExists } from '../directory.ts';
import type { HostSystem } from '../system.ts';
import type { UpdateSurroundings } from './decide.ts';

const NETWORK_MANAGER = 'org.freedesktop.NetworkManager';
const NETWORK_MANAGER_METERED = [
  'busctl',
  '--auto-start=false',
  'get-property',
  NETWORK_MANAGER,
  '/org/freedesktop/NetworkManager',
  NETWORK_MANAGER,
  'Metered',
] as const;
/** In `/run/slipway`, for hosts without NetworkManager: whoever knows that the network is metered makes it. */
const METERED_FILE = 'metered';

/** Users with a session and programs that hold an inhibitor lock. */
export async function readSurroundings(
  system: HostSystem,
  { signal, log }: Operation,
): Promise<UpdateSurroundings> {
  const options = { describe: 'ask who uses this host', debianPackage: 'systemd', signal, log };
  const sessions = await run(['loginctl', 'list-sessions', '--no-legend', '--output=json'], options);
  const inhibitors = await run(
    ['systemd-inhibit', '--list', '--mode=block', '--no-legend', '--json=short'],
    options,
  );
  const metered = await run(NETWORK_MANAGER_METERED, { ...options, allowExitCodes: [1] });
  return {
    metered:
      saysMetered(metered.stdout.toString('utf8')) ||
      (await pathExists(join(system.runDirectory, METERED_FILE))),
    users: valuesOf(sessions.stdout.toString('utf8'), 'user'),
    inhibitors: valuesOf(inhibitors.stdout.toString('utf8'), 'who', blocksShutdown),
  };
}

/** `u 1` for yes, `u 3` for a guess that it is (NMMetered); nothing where NetworkManager does not run. */
export function saysMetered(text: string): boolean {
  return /^u [13]$/.test(text.trim());
}

/** The values of one field in a JSON list of objects, each once; none where there is no such list. */
export function valuesOf(
  text: string,
  field: string,
  counts: (row: Readonly<Record<string, unknown>>) => boolean = () => true,
): readonly string[] {
  if (!text.trimStart().startsWith('[')) return [];
  const rows: unknown = JSON.parse(text);
  if (!Array.isArray(rows)) return [];
  const objects = rows.filter((row) => typeof row === 'object' && row !== null);
  const values = objects.filter(counts).map((row: Readonly<Record<string, unknown>>) => row[field]);
  return [...new Set(values.filter((value) => typeof value === 'string'))];
}

function blocksShutdown({ what, mode }: Readonly<Record<string, unknown>>): boolean {
  return typeof what === 'string' && what.split(':').includes('shutdown') && mode === 'block';
}
