/** Disks as files that say what becomes of a machine name them: `sda`, `/dev/sda`, `vd*|nvme?n1`. */
import { basename } from 'node:path';

/** Whether any of the patterns means a disk. `*` and `?` stand for what they do in a shell, `|` is between alternatives. */
export function matchesDisk(patterns: readonly string[], path: string): boolean {
  return patterns
    .flatMap((pattern) => pattern.split('|'))
    .some((pattern) => {
      const whole = `^${pattern
        .replace(/[.+^${}()[\]\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.')}$`;
      const expression = new RegExp(whole);
      return expression.test(path) || expression.test(basename(path));
    });
}

/** The path of a disk that may be named without its directory. */
export function diskPath(disk: string): string {
  return disk.startsWith('/') ? disk : `/dev/${disk}`;
}

/** Whether it is a name the kernel gives, not a link to one, such as those in `/dev/disk/by-id`. */
export function isKernelName(disk: string): boolean {
  return /^(?:\/dev\/)?[^/]+$/.test(disk);
}
