import { finishFactoryReset, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';

/** `slipway internals factory-reset`: what slipway-factory-reset.service runs. */
export async function internalsFactoryReset(_input: unknown, context: CommandContext): Promise<number> {
  const { operation } = context;
  const outcome = await finishFactoryReset(runningSystem(), operation);
  if (outcome === 'not-reset') operation.log.error('the host was not reset: slipway history says why');
  else operation.log.info('the factory reset', { outcome });
  return 0;
}
