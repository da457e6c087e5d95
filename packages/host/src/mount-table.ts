/** The mount table of a process, as far as a host asks it. */

/** What is mounted at a place. */
export interface Mount {
  /** What of its file system is mounted, under the name it has now. */
  readonly root: string;
  readonly source: string;
  /** Here or as a whole. */
  readonly isReadOnly: boolean;
}

/**
 * What is mounted at a place by `/proc/self/mountinfo` (proc_pid_mountinfo(5)): of several the last, which lies on top. Undefined: nothing, it is
 * part of what is mounted above it.
 */
export function mountAt(mountInfo: string, place: string): Mount | undefined {
  const line = mountInfo.split('\n').findLast((each) => each.split(' ')[4] === place && each.includes(' - '));
  if (line === undefined) return undefined;
  const [head = '', tail = ''] = line.split(' - ');
  const [before, behind] = [head.split(' '), tail.split(' ')];
  const options = `${before[5] ?? ''},${behind[2] ?? ''}`.split(',');
  return { root: before[3] ?? '', source: behind[1] ?? '', isReadOnly: options.includes('ro') };
}
