import { runningSystem, setPinned } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { pinWords } from '../render/kept.ts';

/** `slipway pin [DEPLOYMENT]`. */
export async function pin(
  input: { readonly deployment: string | undefined; readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  emit(context, input, await setPinned(runningSystem(), input.deployment, true, context.operation), pinWords);
  return 0;
}
