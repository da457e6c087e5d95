/** Which deployment runs: said by the mount source of `/`, which unlike the command line is right after a soft reboot too. */
import { isDeploymentId } from './layout.ts';

/** The second form is that of a root that can be written, in memory. */
const SOURCE = /^(?:composefs:|transient:composefs=)(?<id>[0-9a-f]+)$/;

/**
 * The booted deployment from `/proc/self/mountinfo` (proc_pid_mountinfo(5)); undefined when `/` is something else.
 */
export function bootedDeploymentId(mountInfo: string): string | undefined {
  const root = mountInfo
    .split('\n')
    .map(parseMount)
    .findLast((mount) => mount?.mountPoint === '/');
  const id = root === undefined ? undefined : SOURCE.exec(root.source)?.groups?.['id'];
  return id !== undefined && isDeploymentId(id) ? id : undefined;
}

function parseMount(line: string): { readonly mountPoint: string; readonly source: string } | undefined {
  const [head, tail] = line.split(' - ');
  const mountPoint = head?.split(' ')[4];
  const source = tail?.split(' ')[1];
  return mountPoint === undefined || source === undefined ? undefined : { mountPoint, source };
}
