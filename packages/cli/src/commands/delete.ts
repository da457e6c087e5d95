import { deleteDeployment, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { deleteWords } from '../render/kept.ts';

/** `slipway delete DEPLOYMENT`. */
export async function deleteOne(
  input: { readonly deployment: string; readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  const result = await deleteDeployment(runningSystem(), input.deployment, context.operation);
  emit(context, input, result, deleteWords);
  return 0;
}
