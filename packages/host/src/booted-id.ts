/** Which deployment runs: said by the mount source of `/`, which unlike the command line is right after a soft reboot too. */
import { isDeploymentId } from './layout.ts';
import { mountAt } from './mount-table.ts';

/** The second form is that of a root that can be written, in memory. */
const SOURCE = /^(?:composefs:|transient:composefs=)(?<id>[0-9a-f]+)$/;

/**
 * The booted deployment from `/proc/self/mountinfo`; undefined when `/` is something else.
 */
export function bootedDeploymentId(mountInfo: string): string | undefined {
  const id = SOURCE.exec(mountAt(mountInfo, '/')?.source ?? '')?.groups?.['id'];
  return id !== undefined && isDeploymentId(id) ? id : undefined;
}
