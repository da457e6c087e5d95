import { checkHealth, publishStatus, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';

interface CheckHealthInput {
  readonly timeLimit: number;
}

/** `slipway internals check-health`. */
export async function internalsCheckHealth(
  { timeLimit }: CheckHealthInput,
  { operation }: CommandContext,
): Promise<number> {
  const system = runningSystem();
  const { outcome } = await checkHealth(system, { ...operation, timeLimitSeconds: timeLimit });
  await publishStatus(system, operation.log);
  return outcome === 'good' ? 0 : 1;
}
