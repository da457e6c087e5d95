import type { Operation } from '@slipway/core';
import type { DiskPlan } from '../disk-plan.ts';
import type { KickstartScript } from '../kickstart/plan.ts';
import type { PreparedHost } from '../prepare-host.ts';
import type { StepKind, StepOf } from './step.ts';

/** What steps need that is not said in them, and what comes of them. */
export interface InstallContext {
  readonly operation: Operation;
  readonly host: PreparedHost;
  readonly architecture: string;
  /** Of an installation whose disk is written whole. */
  readonly disk: DiskPlan | undefined;
  /** Whether objects are sealed with fs-verity. */
  readonly isSealed: boolean;
  /** A directory of its own, below which file systems are mounted: `root` and `boot`. */
  readonly directory: string;
  readonly scripts: readonly KickstartScript[];
  readonly passphrases: ReadonlyMap<string, string>;
  /** Recovery keys that were made, by device. */
  readonly recoveryKeys: Map<string, string>;
  /** What was mounted and opened; undone in reverse when the steps end, however they end. */
  readonly opened: AsyncDisposableStack;
}

/** How some kinds of steps are done. */
export type Executors<K extends StepKind> = {
  readonly [Each in K]: (step: StepOf<Each>, context: InstallContext) => Promise<void>;
};
