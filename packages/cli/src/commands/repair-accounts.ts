import { repairAccounts, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { accountRepairWords } from '../render/repair-accounts.ts';

/** `slipway repair-accounts`. */
export async function repairAccountsCommand(
  input: { readonly dryRun: boolean; readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  const { dryRun } = input;
  const result = await repairAccounts(runningSystem(), { ...context.operation, dryRun });
  emit(context, input, result, (repair) => accountRepairWords(repair, dryRun));
  return result.kind === 'left' ? 1 : 0;
}
