import { adoptHost, giveHostBack, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { adoptionWords, giveBackWords } from '../render/adoption.ts';

/** `slipway adopt`. */
export async function adopt(
  input: { readonly giveBack: boolean; readonly dryRun: boolean; readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  const { giveBack, dryRun } = input;
  const options = { ...context.operation, dryRun };
  if (giveBack) emit(context, input, await giveHostBack(runningSystem(), options), giveBackWords);
  else emit(context, input, await adoptHost(runningSystem(), options), adoptionWords);
  return 0;
}
