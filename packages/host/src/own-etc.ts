/** The `/etc` that is kept, which configuration extensions (systemd-confext(8)) lie over while they are merged. */
import { mountAt } from './mount-table.ts';
import type { HostSystem } from './system.ts';

/** What systemd-confext calls the overlay it mounts. */
const MERGED_SOURCE = 'confext';

/** The `/etc` of this machine alone: the live one, or while extensions are merged into that, the booted deployment's below it. */
export async function ownEtc(system: HostSystem, bootedId: string): Promise<string> {
  const mount = mountAt(await system.mountInfo(), '/etc');
  return mount?.source === MERGED_SOURCE ? system.layout.deployment(bootedId).etc : system.etc;
}
