/** A host that was reset and runs on in the state it left, until its restart. */
import { SlipwayError } from '@slipway/core';
import { mountAt } from './mount-table.ts';
import type { HostSystem } from './system.ts';

/** Below the physical root, where the `/etc` of such a system is mounted from, or its `/var` where `/etc` is in memory. */
const LEFT = /\/state\.\d+\/(?:deploy|os)\//;
/** At shutdown, with nothing staged in the new state: it does nothing. */
const HARMLESS = 'slipway internals finalize';

/**
 * Refuses to change a host that waits for the restart into its new state: the `/etc` it runs with would go into that.
 *
 * @throws SlipwayError RESTART_NEEDED
 */
export async function refuseLeftState(system: HostSystem, command: string): Promise<void> {
  if (command === HARMLESS || !(await runsInLeftState(system))) return;
  throw new SlipwayError(
    'RESTART_NEEDED',
    `cannot run ${command}: this host was reset and waits for its restart`,
    { hint: 'systemctl reboot' },
  );
}

/** Whether it waits for that restart. */
export async function runsInLeftState(system: HostSystem): Promise<boolean> {
  const mountInfo = await system.mountInfo();
  return ['/etc', '/var'].some((place) => LEFT.test(mountAt(mountInfo, place)?.root ?? ''));
}
