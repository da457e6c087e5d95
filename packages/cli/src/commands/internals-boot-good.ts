import { followGoodBoot, publishStatus, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';

interface BootGoodInput {
  readonly timeLimit: number;
}

/** `slipway internals boot-good`: a script that fails is told of in the journal; the boot stays good. */
export async function internalsBootGood(
  { timeLimit }: BootGoodInput,
  { operation }: CommandContext,
): Promise<number> {
  const system = runningSystem();
  await followGoodBoot({ ...operation, timeLimitSeconds: timeLimit });
  await publishStatus(system, operation.log);
  return 0;
}
