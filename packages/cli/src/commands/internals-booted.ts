import { recordBoot, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';

/** `slipway internals booted`, for the journal. */
export async function internalsBooted(_input: unknown, { operation }: CommandContext): Promise<number> {
  const { outcome, deployment, reason, interrupted } = await recordBoot(runningSystem(), operation);
  operation.log.info('boot recorded', { outcome, deployment, reason });
  if (interrupted !== undefined) {
    operation.log.warn('an update was not finished at shutdown; the next shutdown finishes it', {
      deployment: interrupted,
    });
  }
  return 0;
}
