import { cancelFactoryReset, type FactoryResetPlan, requestFactoryReset, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { cancelledResetWords, factoryResetWords } from '../render/factory-reset.ts';
import { reboot } from './reboot.ts';

interface FactoryResetInput {
  readonly keep: readonly string[];
  readonly dryRun: boolean;
  readonly acknowledgeDestructive: boolean;
  readonly apply: boolean;
  readonly cancel: boolean;
  readonly json: boolean;
}

/** `slipway factory-reset`. */
export async function factoryReset(input: FactoryResetInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  if (input.cancel) {
    emit(context, input, await cancelFactoryReset(runningSystem(), operation), cancelledResetWords);
    return 0;
  }
  const { keep, dryRun, acknowledgeDestructive: acknowledgesDestruction } = input;
  const plan: FactoryResetPlan = await requestFactoryReset(runningSystem(), {
    ...operation,
    keep,
    dryRun,
    acknowledgesDestruction,
  });
  emit(context, input, plan, factoryResetWords);
  if (input.apply && !dryRun) await reboot(operation, 'never');
  return 0;
}
