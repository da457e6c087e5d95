/** What a check of an image's root file system is. */
import type { LintRoot } from './lint-root.ts';

/** A `fatal` finding stops a build; a `warning` does so only when asked to. */
export type LintLevel = 'fatal' | 'warning';

/** What a check may ask for besides the tree. */
export interface LintContext {
  /** Reads one file of kernel arguments; throws SlipwayError when it is wrong. */
  readonly checkKernelArguments: (text: string, path: string) => void;
  /** Reads how the root is put together; throws SlipwayError when the initramfs could not. */
  readonly checkRootSetup: (text: string, path: string) => void;
}

/** One check. That it cannot run is thrown; what it finds is its answer. */
export interface Lint {
  /** That of bootc where bootc has the same check. */
  readonly name: string;
  readonly level: LintLevel;
  /** One line: what has to hold. */
  readonly summary: string;
  /** Left out for `/`, where a builder has its own files in the place of the image's. */
  readonly notInPlace?: true;
  /** One sentence for each thing that is wrong; none when all is well. */
  readonly check: (root: LintRoot, context: LintContext) => Promise<readonly string[]>;
}
