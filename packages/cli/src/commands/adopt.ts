import { adoptHost, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { adoptionWords } from '../render/adoption.ts';

/** `slipway adopt`. */
export async function adopt(
  input: { readonly dryRun: boolean; readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  const { dryRun } = input;
  emit(context, input, await adoptHost(runningSystem(), { ...context.operation, dryRun }), adoptionWords);
  return 0;
}
