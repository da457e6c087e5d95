/** A host that was reset and runs on in the state it left, until its restart. */
import { SlipwayError } from '@slipway/core';
import type { HostSystem } from './system.ts';

/** Below the physical root, where the `/etc` of such a system is mounted from. */
const LEFT_ETC = /\/state\.\d+\/deploy\//;
/** At shutdown, with nothing staged in the new state: it does nothing. */
const HARMLESS = 'slipway internals finalize';

/**
 * Refuses to change a host that waits for the restart into its new state: the `/etc` it runs with would go into that.
 *
 * @throws SlipwayError RESTART_NEEDED
 */
export async function refuseLeftState(system: HostSystem, command: string): Promise<void> {
  if (command === HARMLESS) return;
  const mounts = (await system.mountInfo()).split('\n').map((line) => line.split(' '));
  // proc_pid_mountinfo(5): the fourth field is what of the file system is mounted, under the name it has now.
  const root = mounts.findLast((fields) => fields[4] === '/etc')?.[3];
  if (root === undefined || !LEFT_ETC.test(root)) return;
  throw new SlipwayError(
    'RESTART_NEEDED',
    `cannot run ${command}: this host was reset and waits for its restart`,
    {
      hint: 'systemctl reboot',
    },
  );
}
