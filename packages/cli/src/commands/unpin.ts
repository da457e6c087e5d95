import { runningSystem, setPinned } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { pinWords } from '../render/kept.ts';

/** `slipway unpin [DEPLOYMENT]`. */
export async function unpin(
  input: { readonly deployment: string | undefined; readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  emit(
    context,
    input,
    await setPinned(runningSystem(), input.deployment, false, context.operation),
    pinWords,
  );
  return 0;
}
