/** Where a factory reset is noted down; `os/libexec/factory-reset` knows the same names. */
import { join } from 'node:path';
import type { HostLayout } from '../layout.ts';

/** Below `state/`. */
export interface ResetPaths {
  /** What the next boot is to do, or has begun. */
  readonly directory: string;
  /** A request being written, or taken back. */
  readonly part: string;
  /** What was there before; while it is there the reset is under way. */
  readonly old: string;
  /** Everything is in its place, but for other deployments and what is to be removed. */
  readonly done: string;
  /** A request the boot could not do. */
  readonly failed: string;
  /** What is left of one that is over. */
  readonly finished: string;
}

/** The paths of a host's factory reset. */
export function resetPaths({ state }: HostLayout): ResetPaths {
  const directory = join(state, 'factory-reset');
  return {
    directory,
    part: `${directory}.part`,
    old: join(directory, 'old'),
    done: join(directory, 'done'),
    failed: `${directory}.failed`,
    finished: `${directory}.finished`,
  };
}
