/** What of a running system is only in memory, because its image says so (root-setup.ts). */

/** A directory whose contents are gone with the next boot. */
export type TransientPlace = '/' | '/etc' | '/var';

const PLACES = ['/', '/etc', '/var'] as const;
/** What `os/libexec/mount-state` calls the layers it lays in memory. */
const SOURCE = /^transient:/;

/** Those that `/proc/self/mountinfo` shows (proc_pid_mountinfo(5)). What is not mounted on its own is part of the root. */
export function transientPlaces(mountInfo: string): readonly TransientPlace[] {
  const sources = new Map<string, string>();
  for (const line of mountInfo.split('\n')) {
    const [head = '', tail = ''] = line.split(' - ');
    const [point, source] = [head.split(' ')[4], tail.split(' ')[1]];
    // Of two at one place the later lies on top.
    if (point !== undefined && source !== undefined) sources.set(point, source);
  }
  const root = sources.get('/') ?? '';
  return PLACES.filter((place) => SOURCE.test(sources.get(place) ?? root));
}
