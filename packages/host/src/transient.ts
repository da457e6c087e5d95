/** What of a running system is only in memory, because its image says so (root-setup.ts). */

import { mountAt } from './mount-table.ts';

/** A directory whose contents are gone with the next boot. */
export type TransientPlace = '/' | '/etc' | '/var';

const PLACES = ['/', '/etc', '/var'] as const;
/** What `os/libexec/mount-state` calls the layers it lays in memory. */
const SOURCE = /^transient:/;

/** Those that `/proc/self/mountinfo` shows. What is not mounted on its own is part of the root. */
export function transientPlaces(mountInfo: string): readonly TransientPlace[] {
  const root = mountAt(mountInfo, '/');
  return PLACES.filter((place) => SOURCE.test((mountAt(mountInfo, place) ?? root)?.source ?? ''));
}
