import { finalizeStaged, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';

/** `slipway internals finalize`, for the journal. */
export async function internalsFinalize(_input: unknown, { operation }: CommandContext): Promise<number> {
  const result = await finalizeStaged(runningSystem(), operation);
  if (result.kind === 'nothing-staged') {
    operation.log.info('nothing is staged');
    return 0;
  }
  operation.log.info('update finished; the next boot starts it', { deployment: result.deployment });
  for (const { path, kind } of result.etcConflicts) operation.log.warn('conflict in /etc', { path, kind });
  return 0;
}
