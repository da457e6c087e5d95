import { failedBootUnits, publishStatus, recordFailedBoot, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { reboot } from './reboot.ts';

interface BootFailedInput {
  readonly timeLimit: number;
}

/** `slipway internals boot-failed`. */
export async function internalsBootFailed(
  { timeLimit }: BootFailedInput,
  { operation }: CommandContext,
): Promise<number> {
  const system = runningSystem();
  const failedUnits = await failedBootUnits(operation);
  const options = { ...operation, timeLimitSeconds: timeLimit, failedUnits };
  const { action, because, failed } = await recordFailedBoot(system, options);
  operation.log.error('this boot is not good', { reason: failed.reason, action, because });
  await publishStatus(system, operation.log);
  if (action === 'fall-back') await reboot(operation, 'never');
  return 0;
}
