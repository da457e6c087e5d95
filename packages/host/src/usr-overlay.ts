/** Whether a writable layer lies over `/usr`, which lasts until the next boot. */

/** As `org.containers.bootc/v1` tells it. */
export interface UsrOverlay {
  readonly accessMode: 'readOnly' | 'readWrite';
  readonly persistence: 'transient';
}

/** What the mount table shows as its source. */
export const USR_OVERLAY_SOURCE = 'slipway-usr-overlay';

/** The layer that `/proc/self/mountinfo` shows (proc_pid_mountinfo(5)); null when there is none. */
export function usrOverlayOf(mountInfo: string): UsrOverlay | null {
  const line = mountInfo
    .split('\n')
    .findLast((each) => each.split(' ')[4] === '/usr' && each.includes(` - overlay ${USR_OVERLAY_SOURCE} `));
  if (line === undefined) return null;
  const options = line.split(' ')[5]?.split(',') ?? [];
  return { accessMode: options.includes('ro') ? 'readOnly' : 'readWrite', persistence: 'transient' };
}
