import { operation } from '@slipway/core';
import type { InstallContext } from '../../packages/install/src/installation/context.ts';
import { executeSteps } from '../../packages/install/src/installation/execute.ts';
import type { InstallStep } from '../../packages/install/src/installation/step.ts';

/** Does steps of an installation where nothing is encrypted, without sealing: kernels of tests need not have fs-verity. */
export async function executeUnsealed(
  steps: readonly InstallStep[],
  where: Pick<InstallContext, 'host' | 'directory' | 'scripts'>,
): Promise<void> {
  await using opened = new AsyncDisposableStack();
  await executeSteps(steps, {
    ...where,
    architecture: 'amd64',
    disk: undefined,
    isSealed: false,
    passphrases: new Map(),
    recoveryKeys: new Map(),
    opened,
    operation: operation(),
  });
}
