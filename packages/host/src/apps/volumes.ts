/** Where the volumes of an app are among its data. */

/** One volume. */
export interface VolumeDirectory {
  /** In the app. */
  readonly path: string;
  /** Below the app's data: `/var/lib/data` is kept in `var-lib-data`. */
  readonly directory: string;
  /** Inside another volume: a directory of that one. */
  readonly isNested: boolean;
}

/** The directories of volumes, those that hold others first. */
export function volumeDirectories(volumes: readonly string[]): readonly VolumeDirectory[] {
  const sorted = volumes.toSorted();
  return sorted.map((path) => {
    const outer = sorted.find((other) => path.startsWith(`${other}/`));
    const directory = volumeName(outer ?? path) + (outer === undefined ? '' : path.slice(outer.length));
    return { path, directory, isNested: outer !== undefined };
  });
}

function volumeName(path: string): string {
  return path.slice(1).replaceAll(/[^A-Za-z0-9._]/g, '-');
}
