import { reportSteady, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';

/** `slipway internals fleet-steady`: fails until the server has heard it, and the unit tries again. */
export async function internalsFleetSteady(_input: unknown, context: CommandContext): Promise<number> {
  const { operation } = context;
  const answer = await reportSteady(runningSystem(), operation);
  if (answer === undefined || answer.granted) return 0;
  operation.log.error('the fleet lock was not given back', { because: answer.because });
  return 1;
}
