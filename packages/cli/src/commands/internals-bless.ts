import { blessBoot, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';

/** `slipway internals bless`, for the journal. */
export async function internalsBless(_input: unknown, { operation }: CommandContext): Promise<number> {
  const result = await blessBoot(runningSystem(), operation);
  operation.log.info('this boot is good', { result });
  return 0;
}
