import type { HostSystem } from './system.ts';

/**
 * A default pinned in the firmware wins over the order of entries: what is put in front would never boot. One of ours is unpinned; that of
 * somebody else stays, and is returned.
 */
export async function unpinOwnEntry(system: HostSystem): Promise<string | undefined> {
  const pinned = await system.pinnedEntry();
  if (pinned?.startsWith('slipway-') !== true) return pinned;
  await system.unpinEntry();
  return undefined;
}
