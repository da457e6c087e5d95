/** Conflicts as people read them. */
import { displayPath } from './live-path.ts';
import type { EtcConflict } from './plan.ts';

/** The same with absolute paths in UTF-8: `/etc/ssh/sshd_config`. */
export function reportConflicts(conflicts: readonly EtcConflict[]): readonly EtcConflict[] {
  return conflicts.map(({ path, kind, account }) => ({
    path: `/etc/${displayPath(path)}`,
    kind,
    ...(account === undefined ? {} : { account: displayPath(account) }),
  }));
}
