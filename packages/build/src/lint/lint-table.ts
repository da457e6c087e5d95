/** Every check there is. */
import { KERNEL_LINTS } from './kernel-lints.ts';
import { LAYOUT_LINTS } from './layout-lints.ts';
import type { Lint } from './lint.ts';
import { MACHINE_LINTS } from './machine-lints.ts';
import { NAME_LINTS } from './name-lints.ts';
import { USER_LINTS } from './user-lints.ts';
import { VAR_LINTS } from './var-lints.ts';

/** The checks of `container lint`, in the order they run. */
export const LINTS: readonly Lint[] = [
  ...LAYOUT_LINTS,
  ...KERNEL_LINTS,
  ...NAME_LINTS,
  ...VAR_LINTS,
  ...USER_LINTS,
  ...MACHINE_LINTS,
];
